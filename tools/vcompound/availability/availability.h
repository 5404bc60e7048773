// availability.h — the verb `availability`: the published fragmentation experiment.
#pragma once

#include <CLI/CLI.hpp>

#include "tools/vcompound/common/program.h"

namespace vc::tool {

/// Adds the verb `availability` to the program.
void register_availability(CLI::App& app, Chosen& chosen);

}  // namespace vc::tool
