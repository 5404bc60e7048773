// Stacks of kernel threads: virtual compounds with a guard page below.
//
// Contiguous if a run is free, else mapped. Where the guard page is:
//
//      contiguous     a compound of one page more than wanted, in the direct map; its lowest page
//                     is taken out of the direct map while the stack lives
//
//                     | not mapped | usable ............................... |
//                       page 0       page 1                         page n
//
//      mapped         an area of the vmap space; the page in front of each area is never mapped,
//                     so the page that would have been the guard is used as well
//
//                     | not mapped | usable .............................................. |
//                                    page 0                                         page n
//
// The thread's own record stands at the very top, so that an overflow does not reach it.
#pragma once

#include <cstdint>

#include "kernel/memory/memory.h"
#include "vcompound/base/result.h"
#include "vcompound/base/units.h"

namespace vc::kernel {

/// May a stack be a mapped compound? A platform opts in. Here a translation that is missing from
/// the TLB is found by hardware, which needs no stack; and a fault that cannot be delivered for
/// want of a stack ends in the handler of the double fault, which has a stack of its own.
inline constexpr bool kStacksMayBeMapped = true;

inline constexpr Bytes kSmallestStack{8192};
inline constexpr Bytes kLargestStack{262144};

/// A stack: the compound, and what of it may be used.
struct Stack {
  VirtAddr compound{};
  VirtRange usable{};
  Kind kind = Kind::contiguous;
};

/// A stack of at least `size` bytes, which is cut to the limits above; 0: the boot parameter's.
/// PRE: the caller may block.
Result<Stack> allocate_stack(Bytes size, Report report = Report::print);
/// PRE: nobody runs on it, and the caller may block.
void free_stack(const Stack& stack);

/// Is that the guard page of this stack?
bool is_in_guard(const Stack& stack, VirtAddr address);

/// The name of the thread whose guard page an address is in, or nullptr. For fault handlers, also
/// that of a double fault: takes no lock.
const char* stack_overflow_of(VirtAddr fault);

}  // namespace vc::kernel
