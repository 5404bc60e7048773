// Accesses that may fault: each reports the fault instead of dying of it. For tests, and for a
// backtrace that follows frame pointers which may be anything.
#pragma once

#include <cstdint>

#include "kernel/arch/machine.h"
#include "vcompound/base/units.h"

namespace vc::kernel {

/// Reads the word at an address. False: the access faulted, `value` is as before.
bool probe_read(VirtAddr address, std::uint64_t& value);
/// Writes a byte. False: the access faulted, nothing was written.
bool probe_write(VirtAddr address, std::uint8_t value);
/// Calls the code at an address, a function without arguments. False: its first instruction could
/// not be fetched. What faults later is a panic as usual.
bool probe_execute(VirtAddr address);

/// For the exception handler: if a probe caused the fault, prepares the frame for going on and
/// returns true.
bool survive_probe(InterruptFrame& frame);

}  // namespace vc::kernel
