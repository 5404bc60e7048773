// What a plugin of the package test offers: an arena of its own.
#pragma once

#include <cstdint>

/// The functions of one plugin. Each may be called from any thread.
struct Plugin {
  /// Allocates and frees in the plugin's arena; false if that failed.
  bool (*use)();
  /// The slot of the calling thread, as the plugin's compiled-in paths see it.
  std::uint32_t (*slot)();
};
