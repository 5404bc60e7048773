// Changing the stack, and with it the thread. The caller has interrupts off and holds the run
// queue; the callee's registers of the ABI are all that a thread keeps, because to the compiler
// this is an ordinary function call.
//
//      top of a sleeping thread's stack      rbp rbx r12 r13 r14 r15   lowest address: r15
//                                            return address            above them

.section .text

// void switch_stacks(std::uint64_t* save /* rdi */, std::uint64_t load /* rsi */)
.global switch_stacks
.type switch_stacks, @function
switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size switch_stacks, . - switch_stacks

// What the first switch to a thread returns to. A backtrace ends here: rbp is 0.
.global first_return
.type first_return, @function
first_return:
  xorl %ebp, %ebp
  call run_new_thread
  ud2
.size first_return, . - first_return

// reschedule() for callers who know nothing of it (cpu_local.h): every register stays as it is.
.global reschedule_keeping_registers
.type reschedule_keeping_registers, @function
reschedule_keeping_registers:
  pushq %rbp
  movq %rsp, %rbp                   // rbp finds the way back from the aligned stack
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  andq $-16, %rsp
  call _ZN2vc3x8610rescheduleEv     // vc::x86::reschedule()
  leaq -72(%rbp), %rsp
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rdx
  popq %rcx
  popq %rax
  popq %rbp
  ret
.size reschedule_keeping_registers, . - reschedule_keeping_registers

.section .note.GNU-stack, "", @progbits
