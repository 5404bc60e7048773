// What all converted users have in common: zeroed memory from the kernel's arena, and a refusal
// that says whose memory it was:
//
//     connection table: 8 MiB refused: ...
#pragma once

#include "vcompound/base/error.h"
#include "vcompound/base/text.h"
#include "vcompound/base/units.h"
#include "vcompound/compound/call_sites.h"
#include "vcompound/compound/request.h"

namespace vc::kernel {

/// One virtual compound that a user holds. Not thread-safe; opened and closed by one thread.
class UserMemory {
 public:
  constexpr UserMemory() = default;
  UserMemory(const UserMemory&) = delete;
  UserMemory& operator=(const UserMemory&) = delete;

  /// Allocates zeroed memory. On a refusal prints who was refused what, and why, and leaves this
  /// closed. `user` is a string literal. PRE: closed.
  [[nodiscard]] bool open(const char* user, Bytes size, Placement placement = Placement::any(),
                          CallSite site = CallSite::here());
  /// Gives the memory back; does nothing if closed.
  void close();

  bool is_open() const { return what_.pages.value != 0; }
  /// What was handed out; pages is 0 if closed.
  const Allocation& what() const { return what_; }
  /// The bytes asked for.
  Bytes size() const { return size_; }
  /// The memory `offset` bytes behind the start.
  void* at(Bytes offset = Bytes(0)) const {
    return reinterpret_cast<void*>((what_.address + offset).value);
  }
  /// Exchanges what two hold.
  void swap(UserMemory& other);

 private:
  Allocation what_{};
  Bytes size_{};
};

/// Writes one line: "connection table: 8 MiB refused: ...".
void describe_refusal(const char* user, Bytes size, const Error& error, TextWriter& out);

/// Can memory be spread over nodes here? Not with one NUMA node, and not with
/// policy=contiguous_only: a spread table cannot be contiguous.
bool can_spread();

}  // namespace vc::kernel
