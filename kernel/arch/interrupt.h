// Vectors, and who handles them.
//
//      0..31    exceptions: the processor's own; they do not count as interrupts
//     48..     lines of the I/O APIC, in the order in which they were connected
//    240..254  the local APIC: tick, calls, kicks, errors
//      255     spurious
//
// A handler runs with interrupts off, on the stack of the interrupted code, with an interrupt depth
// of 1 in the context word.
#pragma once

#include <cstdint>

#include "kernel/arch/machine.h"

namespace vc::kernel {

inline constexpr std::uint32_t kNonMaskable = 2;
inline constexpr std::uint32_t kDoubleFault = 8;
inline constexpr std::uint32_t kGeneralProtection = 13;
inline constexpr std::uint32_t kPageFault = 14;
inline constexpr std::uint32_t kMachineCheck = 18;
inline constexpr std::uint32_t kExceptions = 32;

inline constexpr std::uint32_t kFirstLine = 48;
inline constexpr std::uint32_t kLineVectors = 32;
inline constexpr std::uint32_t kTickVector = 240;
inline constexpr std::uint32_t kCallVector = 241;
inline constexpr std::uint32_t kKickVector = 242;
inline constexpr std::uint32_t kApicErrorVector = 254;
inline constexpr std::uint32_t kSpuriousVector = 255;

/// What follows a handler: the acknowledgement that the local APIC wants, or nothing (spurious
/// interrupts must not be acknowledged).
enum class Acknowledge : std::uint8_t { yes, no };

/// Makes a handler responsible for a vector of 32 or more. Before the vector can occur.
void set_handler(std::uint32_t vector, InterruptHandler handler, void* context,
                 Acknowledge acknowledge = Acknowledge::yes);

/// Handles an exception: returns if the interrupted code can go on, else panics (exception.cc).
void handle_exception(InterruptFrame& frame);

}  // namespace vc::kernel
