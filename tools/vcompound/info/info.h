// info.h — the verb `info`: what this machine offers to vcompound, and what to change.
#pragma once

#include <CLI/CLI.hpp>

#include "tools/vcompound/common/program.h"

namespace vc::tool {

/// Adds the verb `info` to the program.
void register_info(CLI::App& app, Chosen& chosen);

}  // namespace vc::tool
