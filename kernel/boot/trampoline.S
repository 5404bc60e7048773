// The first code of every CPU but the boot CPU. It is copied to a page below 1 MiB, where a CPU
// begins in real mode, and leads to start_cpu in the image:
//
//      real mode  -->  protected mode  -->  long mode on the boot tables, still in the low page
//                 -->  start_cpu in the image  -->  the kernel's tables, a stack, cpu_entry()
//
// The page has no address of its own at link time: LOW() says where a label is once copied.
.set TRAMPOLINE, 0x8000
#define LOW(label) (TRAMPOLINE + (label) - trampoline_start)

.section .rodata.trampoline, "a"
.global trampoline_start, trampoline_end, trampoline_root
.align 16
.code16
trampoline_start:
  cli
  cld
  xorw %ax, %ax
  movw %ax, %ds
  lgdtl LOW(low_gdt_pointer)
  movl $0x11, %eax                  // protection; caches on (INIT leaves them off)
  movl %eax, %cr0
  ljmpl $0x18, $LOW(protected_mode)

.code32
protected_mode:
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movl $0x20, %eax                  // PAE; start_cpu loads the rest
  movl %eax, %cr4
  movl LOW(trampoline_root), %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx            // EFER: long mode, no-execute
  rdmsr
  orl $0x900, %eax
  wrmsr
  movl $0x80010031, %eax            // paging, write protection, native errors
  movl %eax, %cr0
  ljmp $0x08, $LOW(long_mode)

.code64
long_mode:
  movabsq $start_cpu, %rax
  jmpq *%rax

.align 8
low_gdt:
  .quad 0
  .quad 0x00af9b000000ffff          // 64-bit code
  .quad 0x00cf93000000ffff          // data
  .quad 0x00cf9b000000ffff          // 32-bit code
low_gdt_pointer:
  .word . - low_gdt - 1
  .long LOW(low_gdt)
trampoline_root:
  .long 0                           // physical address of the boot tables, written into the copy
trampoline_end:

.text
// Stacks belong to the kernel's tables, so those come first. Whoever takes the stack is the CPU that
// is being started; one that comes too late finds none and sleeps for ever.
start_cpu:
  movq start_root(%rip), %rax
  movq %rax, %cr3
  movq start_control(%rip), %rax
  movq %rax, %cr4
  xorl %eax, %eax
  xchgq %rax, start_stack(%rip)
  testq %rax, %rax
  jz 1f
  movq %rax, %rsp
  xorl %ebp, %ebp                   // backtraces end here
  call cpu_entry
1:
  cli
  hlt
  jmp 1b

.section .note.GNU-stack, "", @progbits
