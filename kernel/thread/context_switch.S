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

.section .note.GNU-stack, "", @progbits
