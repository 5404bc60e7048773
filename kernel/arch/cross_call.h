// The inner side of x86::broadcast() and call_on().
#pragma once

namespace vc::kernel {

/// Makes this machine's CPUs able to answer each other; once, before a second CPU is online.
void open_cross_calls();

}  // namespace vc::kernel
