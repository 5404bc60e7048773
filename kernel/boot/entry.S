// Boot by PVH: QEMU (or any loader that speaks it) enters here in 32-bit protected mode, paging
// off, EBX = physical address of the start info. We build tables for the first GiB, three times
// over, and go on in 64-bit mode at the linked address:
//
//      PML4[0]    identity        until the final tables are loaded; again when a CPU starts
//      PML4[256]  direct map      0xffff'8000'0000'0000
//      PML4[511]  kernel image    0xffff'ffff'8000'0000

.set KERNEL_BASE, 0xffffffff80000000
#define PHYSICAL(symbol) (symbol - KERNEL_BASE)

.section .note.pvh, "a", @note
  .align 4
  .long 4                       // length of the name
  .long 8                       // length of the descriptor
  .long 18                      // XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .align 4
  .quad PHYSICAL(pvh_entry)

.section .text.boot, "ax"
.code32
.global pvh_entry
pvh_entry:
  cli
  cld
  movl $PHYSICAL(bss_start), %edi   // memory may hold anything
  movl $PHYSICAL(bss_end), %ecx
  subl %edi, %ecx
  xorl %eax, %eax
  rep stosb

  movl $PHYSICAL(boot_directory), %edi   // 512 leaves of 2 MiB: present, writable, huge
  movl $0x83, %eax
  movl $512, %ecx
1:
  movl %eax, (%edi)
  addl $0x200000, %eax
  addl $8, %edi
  loop 1b

  movl $PHYSICAL(boot_directory) + 3, %eax
  movl %eax, PHYSICAL(boot_low_gigabytes)             // identity and direct map
  movl %eax, PHYSICAL(boot_high_gigabytes) + 510 * 8  // image
  movl $PHYSICAL(boot_low_gigabytes) + 3, %eax
  movl %eax, PHYSICAL(boot_root)
  movl %eax, PHYSICAL(boot_root) + 256 * 8
  movl $PHYSICAL(boot_high_gigabytes) + 3, %eax
  movl %eax, PHYSICAL(boot_root) + 511 * 8

  movl %cr4, %eax
  orl $0x20, %eax                   // PAE
  movl %eax, %cr4
  movl $PHYSICAL(boot_root), %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx            // EFER: long mode, no-execute
  rdmsr
  orl $0x900, %eax
  wrmsr
  movl %cr0, %eax
  orl $0x80010000, %eax             // paging, write protection
  movl %eax, %cr0
  lgdt PHYSICAL(boot_gdt_pointer)
  ljmp $8, $PHYSICAL(long_mode)

.code64
long_mode:
  movabsq $high_half, %rax
  jmpq *%rax
high_half:
  xorl %eax, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movl %eax, %fs
  movl %eax, %gs
  leaq boot_stack_top(%rip), %rsp
  xorl %ebp, %ebp                   // backtraces end here
  movl %ebx, %edi
  call kernel_entry
1:
  cli
  hlt
  jmp 1b

.section .rodata
  .align 8
boot_gdt:
  .quad 0
  .quad 0x00af9b000000ffff          // 64-bit code
  .quad 0x00cf93000000ffff          // data
boot_gdt_pointer:
  .word . - boot_gdt - 1
  .long PHYSICAL(boot_gdt)

.section .bss
  .align 4096
.global boot_root
boot_root:
  .skip 4096
boot_low_gigabytes:
  .skip 4096
boot_high_gigabytes:
  .skip 4096
boot_directory:
  .skip 4096
boot_stack:
  .skip 16384
.global boot_stack_top
boot_stack_top:

.section .note.GNU-stack, "", @progbits
