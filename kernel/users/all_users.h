// All converted users at once: for boot, and for the tests that let their allocations fail.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"

namespace vc::kernel {

/// One converted user, as boot sees it.
struct User {
  const char* name;
  bool (*open)();   ///< false: refused, said so, and left nothing behind
  bool (*close)();  ///< false: something of it is still in use; nothing has changed then
  void (*print)();
};

inline constexpr std::uint32_t kUserCount = 6;
/// User 0 to kUserCount - 1, in the order in which they are opened.
const User& user(std::uint32_t index);

/// Opens all users, with sizes that follow from the size of memory. If one is refused, those before
/// it are closed again: false, and nothing is left behind.
[[nodiscard]] bool open_all_users();
/// Closes all users in reverse order; those that are closed stay so. False: one is still in use.
bool close_all_users();
/// A line or more for each user.
void print_all_users();

/// The sizes that boot gives them on a machine with that much memory.
struct UserSizes {
  std::uint32_t connections = 0;
  Bytes swap_space{};

  /// A connection for each 8 KiB (1,024 to 262,144), and twice the memory as swap space (at most
  /// 64 GiB).
  static constexpr UserSizes for_memory(Bytes memory) {
    constexpr std::uint64_t kFewest = 1024;
    constexpr std::uint64_t kMost = 262'144;
    constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
    constexpr std::uint64_t kMostSwap = std::uint64_t{1} << 36;
    const std::uint64_t wanted = memory.value >> 13;
    const std::uint64_t connections = wanted < kFewest ? kFewest : wanted > kMost ? kMost : wanted;
    std::uint64_t swap = memory.value > kMostSwap / 2 ? kMostSwap : memory.value * 2;
    if (swap < kMebibyte) swap = kMebibyte;
    return {static_cast<std::uint32_t>(connections), Bytes(swap)};
  }
};

}  // namespace vc::kernel
