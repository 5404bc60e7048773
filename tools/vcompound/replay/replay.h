// replay.h — the verb `replay`: a recorded trace in an arena, policy beside policy.
#pragma once

#include <CLI/CLI.hpp>

#include "tools/vcompound/common/program.h"

namespace vc::tool {

/// Adds the verb `replay` to the program.
void register_replay(CLI::App& app, Chosen& chosen);

}  // namespace vc::tool
