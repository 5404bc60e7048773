// Where the processor enters on an interrupt or an exception: 256 stubs of 16 bytes, one per vector.
//
// Each stub makes the stack look the same (some exceptions push an error code, the others do not)
// and falls into one common path that saves the general registers. What lies on the stack then is
// InterruptFrame (machine.h). The frame pointer stays that of the interrupted code, so a backtrace
// walks through.
.section .text

.align 16
.global interrupt_stubs
interrupt_stubs:
.set vector, 0
.rept 256
  .align 16
  .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
  .else
    pushq $0                        // the error code that the processor did not push
  .endif
  pushq $vector
  jmp interrupt_common
  .set vector, vector + 1
.endr

.align 16
interrupt_common:
  pushq %rax
  pushq %rbx
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %rbp
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  cld
  movq %rsp, %rdi                   // the processor aligned the stack; 22 words keep it aligned
  call interrupt_dispatch
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rbp
  popq %rdi
  popq %rsi
  popq %rdx
  popq %rcx
  popq %rbx
  popq %rax
  addq $16, %rsp                    // the vector and the error code
  iretq

// Probes: one access each, at an address that the fault handler knows (probe.h). A fault goes on at
// probe_failed, with the stack as at the entry of the function.

// bool probe_read_word(const void* address, std::uint64_t* value)
.global probe_read_word, probe_read_access
probe_read_word:
probe_read_access:
  movq (%rdi), %rax
  movq %rax, (%rsi)
  movl $1, %eax
  ret

// bool probe_write_byte(void* address, std::uint8_t value)
.global probe_write_byte, probe_write_access
probe_write_byte:
probe_write_access:
  movb %sil, (%rdi)
  movl $1, %eax
  ret

// bool probe_call(void* address): calls a function that takes and returns nothing.
.global probe_call, probe_call_return
probe_call:
  pushq %rbp
  movq %rsp, %rbp
  call *%rdi
probe_call_return:
  popq %rbp
  movl $1, %eax
  ret

.global probe_failed, probe_call_failed
probe_call_failed:                  // the return address of the call is already off the stack
  popq %rbp
probe_failed:
  xorl %eax, %eax
  ret

.section .note.GNU-stack, "", @progbits
