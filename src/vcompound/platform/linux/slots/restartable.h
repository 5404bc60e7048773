// Restartable sequences: the hand of a slot, taken and filled without a flag and without an atomic
// instruction (rseq(2), Linux 4.18; the idea is Paul Turner's and Andrew Hunter's).
//
//      %fs --> thread's rseq area --> rseq_cs --+
//                                               v
//                         +--------- descriptor of the sequence
//                         |   begin         1:   may sequences pass?                no: 2
//                         |                      is the hand as it should be?       no: 2
//                         |                      ... read, or write what nobody looks at yet ...
//                         |                      hand_pages = ...      the last store counts
//                         |   end           2:
//                         +-- abort         4:   "no"
//
// The thread says in its rseq area which sequence it is about to run, and that it is over. If the
// kernel then interrupts it between `begin` and `end`, to run another thread or a signal handler,
// it lets it go on at `abort`. So whoever reaches `end` was alone on its processor from `begin` on,
// and no handler of its own came between: the look at `allowance` and the last store are one step.
// Another thread that wants the slot for itself sets `allowance` to 0 and has the kernel interrupt
// every sequence of the process (heavy_barrier(), barriers.h); after that each has ended, was
// aborted, or will see the 0.
//
// The kernel demands a signature in front of `abort`, and a descriptor for each copy of a sequence.
// As the sequences are compiled into callers, both go to sections of their own (not to
// .text.unlikely: a function that is split has its tables of exceptions relative to where its cold
// half would begin there), in the same group ("?") as the function, so that the linker drops them
// with it.
//
// Elsewhere than on x86-64 with a C library that registers each thread (glibc 2.35), and under
// ThreadSanitizer, which cannot see into them, there are none, and the gate is entered. Library and
// callers must agree in this: a caller that enters does not hold sequences off. Where they are
// compiled in and the system cannot do them, what is compiled into callers stands back.
#pragma once

#include "vcompound/base/atomic.h"
#include "vcompound/platform/contract.h"

#if defined(__x86_64__) && defined(__LP64__) && !defined(VC_THREAD_SANITIZER) && \
    __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define VC_RESTARTABLE_SEQUENCES 1
#endif

namespace vc::os {

/// Registers the process with the kernel for interrupt_sequences(). As prepare_barriers(), which
/// calls it.
void prepare_sequences();

/// When it returns, no other thread of the process can finish a sequence that it began before the
/// call. (A child of vfork(2), which shares the memory, is not told: it must not allocate.)
/// Thread-safe; takes some microseconds.
void interrupt_sequences();

/// False if the process has sequences and the calling thread has not: the C library failed to
/// register it.
bool thread_has_sequences();

/// For a program that counts instructions on a simulated processor, which has no rseq(2): sequences
/// are taken to work from now on. Right only while one thread runs, without signal handlers.
void simulate_sequences();

}  // namespace vc::os

#ifdef VC_RESTARTABLE_SEQUENCES

#include <cstddef>

namespace vc::os {

/// Did prepare_sequences() succeed? Never becomes false again.
extern constinit Atomic<bool> sequences_work;

// clang-format off
#define VC_SEQUENCE_BEGIN                                              \
  ".pushsection __rseq_cs, \"aw?\"\n\t"                                \
  ".balign 32\n"                                                       \
  "3:\t.long 0, 0\n\t"                                                 \
  ".quad 1f, 2f - 1f, 4f\n\t"                                          \
  ".popsection\n\t"                                                    \
  "leaq 3b(%%rip), %%rax\n\t"                                          \
  "movq %%rax, %%fs:%c[rseq_cs](%[area])\n"

// The kernel must not look for a descriptor whose shared object is no longer there.
#define VC_SEQUENCE_OVER "movq $0, %%fs:%c[rseq_cs](%[area])\n\t"

// The signature is the operand of an instruction that cannot be executed.
#define VC_SEQUENCE_ABORT(what)                                        \
  ".pushsection __rseq_failure, \"ax?\"\n\t"                           \
  ".byte 0x0f, 0xb9, 0x3d\n\t"                                         \
  ".long %c[signature]\n"                                              \
  "4:\t" what "\n\t"                                                   \
  ".popsection"
// clang-format on

/// See HasSequences. About a nanosecond.
[[gnu::always_inline]] inline bool take_hand(SlotFront& front, std::uint64_t pages,
                                             std::uint64_t mark, HandTaken& taken) {
  bool done;
  asm inline volatile(
      VC_SEQUENCE_BEGIN
      "1:\tcmpq $1, %c[allowance](%[front])\n\t"
      "jb 2f\n\t"  // not equal, too
      "cmpq %[pages], %c[hand_pages](%[front])\n\t"
      "jne 2f\n\t"
      "cmpq %[mark], %c[its_mark](%[front])\n\t"
      "jne 2f\n\t"
      "movq %c[hand](%[front]), %[address]\n\t"
      "movq %c[hand_tag](%[front]), %[tag]\n\t"
      "movl %c[its_word](%[front]), %[word]\n\t"
      "movq $0, %c[hand_pages](%[front])\n"
      "2:\n\t" VC_SEQUENCE_OVER VC_SEQUENCE_ABORT("orl $1, %%eax\n\tjmp 2b")
      : [address] "=&r"(taken.address.value), [tag] "=&r"(taken.tag), [word] "=&r"(taken.word),
        "=@cce"(done)
      : [front] "r"(&front), [pages] "re"(pages), [mark] "r"(mark), [area] "r"(__rseq_offset),
        [rseq_cs] "i"(offsetof(struct rseq, rseq_cs)),
        [allowance] "i"(offsetof(SlotFront, allowance)), [signature] "i"(RSEQ_SIG),
        [hand_pages] "i"(offsetof(SlotFront, hand_pages)), [hand] "i"(offsetof(SlotFront, hand)),
        [hand_tag] "i"(offsetof(SlotFront, hand_tag)), [its_mark] "i"(offsetof(SlotFront, mark)),
        [its_word] "i"(offsetof(SlotFront, word))
      : "rax", "memory");
  if (!done) [[unlikely]]
    return false;
  asm inline volatile("incq %0" : "+m"(front.hits) : : "cc");  // in one piece for our handlers
  return true;
}

/// See HasSequences. About a nanosecond.
[[gnu::always_inline]] inline bool fill_hand(SlotFront& front, std::uint64_t pages,
                                             VirtAddr address, Atomic<std::uint32_t>* tag,
                                             std::uint32_t word) {
  asm inline goto volatile(
      VC_SEQUENCE_BEGIN
      "1:\tcmpq %[pages], %c[allowance](%[front])\n\t"
      "jb %l[refused]\n\t"
      "cmpq $0, %c[hand_pages](%[front])\n\t"
      "jne %l[refused]\n\t"
      "movl %[word], (%[tag])\n\t"
      "movq %[address], %c[hand](%[front])\n\t"
      "movq %[tag], %c[hand_tag](%[front])\n\t"
      "movq %[pages], %c[hand_pages](%[front])\n"
      "2:\n\t" VC_SEQUENCE_OVER VC_SEQUENCE_ABORT("jmp %l[refused]")
      :
      : [front] "r"(&front), [pages] "r"(pages), [address] "r"(address.value), [tag] "r"(tag),
        [word] "ri"(word), [area] "r"(__rseq_offset), [rseq_cs] "i"(offsetof(struct rseq, rseq_cs)),
        [allowance] "i"(offsetof(SlotFront, allowance)), [signature] "i"(RSEQ_SIG),
        [hand_pages] "i"(offsetof(SlotFront, hand_pages)), [hand] "i"(offsetof(SlotFront, hand)),
        [hand_tag] "i"(offsetof(SlotFront, hand_tag))
      : "rax", "cc", "memory"
      : refused);
  return true;
refused:
  asm inline volatile(VC_SEQUENCE_OVER
                      :
                      : [area] "r"(__rseq_offset), [rseq_cs] "i"(offsetof(struct rseq, rseq_cs)));
  return false;
}

#undef VC_SEQUENCE_BEGIN
#undef VC_SEQUENCE_OVER
#undef VC_SEQUENCE_ABORT

}  // namespace vc::os

#endif
