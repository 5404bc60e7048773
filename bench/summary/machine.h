// What the figures were measured on.
#pragma once

#include <map>
#include <string>

namespace vc::bench {

/// Processor, memory, kernel, huge page modes, mapping limit, load; texts, as the system gives
/// them.
std::map<std::string, std::string> machine_facts();

}  // namespace vc::bench
