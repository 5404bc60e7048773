// The end of the machine.
#pragma once

#include <cstdint>

namespace vc::kernel {

/// How a run ended. QEMU's isa-debug-exit makes 2 * value + 1 its exit status.
enum class Exit : std::uint8_t { success = 0x10, failure = 0x11, panic = 0x12 };

/// Ends the run; on a machine without the exit device, halts this CPU for ever.
[[noreturn]] void end_machine(Exit how);

}  // namespace vc::kernel
