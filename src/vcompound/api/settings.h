// The settings of an arena: each key of VCOMPOUND_CONF, how its value is read and how it is
// written.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vcompound/api/setting_values.h"
#include "vcompound/arena.h"

namespace vc::setting {

/// One key.
struct Setting {
  std::string_view key;
  /// Sets the option, or says what value would be right.
  std::optional<Expected> (*apply)(std::string_view value, ArenaOptions& options);
  /// The option as a value that apply() takes; empty: leave the key out.
  std::string (*write)(const ArenaOptions& options);
};

/// Every setting, in the order in which to_configuration() writes them.
std::span<const Setting> all_settings();

}  // namespace vc::setting
