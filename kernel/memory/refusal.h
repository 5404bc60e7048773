// Telling that a request was refused, as kernels do in the field:
//
//     eth0: page allocation failure: order:4, mode: required, from kernel/net/ring.cc:88
//     allocation of 64 KiB refused (fragmentation): 61 MiB are free, but the longest run is 32 KiB
#pragma once

#include "vcompound/base/error.h"
#include "vcompound/compound/call_sites.h"
#include "vcompound/compound/request.h"

namespace vc::kernel {

/// Prints a refusal: who, what, why; and the first few times since boot, where the caller may
/// block, the memory table and the free blocks.
void print_refusal(const Request& request, const Error& error, CallSite site);

}  // namespace vc::kernel
