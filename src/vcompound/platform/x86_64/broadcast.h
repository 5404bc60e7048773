// Running a function on other CPUs: what a shootdown and a heavy barrier are made of.
#pragma once

#include <cstdint>

namespace vc::x86 {

/// What the other CPUs do, in an interrupt handler: short, no locks, no allocation.
using CpuFunction = void (*)(void* argument);

/// Supplied by the kernel. Runs function(argument) on every other CPU that is online, and returns
/// when all of them are done: the number of CPUs asked. Calls of several CPUs at once wait for each
/// other. PRE: interrupts are on (the caller answers others while it waits), not in a handler.
std::uint32_t broadcast(CpuFunction function, void* argument);

}  // namespace vc::x86
