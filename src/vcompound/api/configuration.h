// Settings from outside the program, for Arena::create().
#pragma once

#include "vcompound/arena.h"

namespace vc {

/// The environment variable that overrides what a program sets.
inline constexpr const char* kConfigurationVariable = "VCOMPOUND_CONF";

/// The options in force: the program's, then those of VCOMPOUND_CONF. A library built with
/// VC_ALWAYS_MAP_DEFAULT=1 forces the fallback unless one of the two asks for another trigger, or
/// the variable switches it off. The variable is ignored in a set-user-id program.
Result<ArenaOptions, ConfigurationError> effective_options(const ArenaOptions& options);

/// Prints the settings to stderr as one line, if they ask for it (Echo::yes).
void echo_options(const ArenaOptions& options);

}  // namespace vc
