// What the peers with a fixed budget share: a library loaded late, a buffer that is the budget, and
// the trial that tells how much of it a peer can hand out.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/compare/peer.h"

namespace vc::compare {

/// What these peers get from rows that set no budget.
inline constexpr std::uint64_t kDefaultBudget = std::uint64_t{4} << 30;

/// The budget of a setting, or the default.
inline std::uint64_t budget_of(const Setting& setting) {
  return setting.budget == 0 ? kDefaultBudget : setting.budget;
}

/// A shared library, loaded for good.
class Library {
 public:
  explicit Library(const char* name)
      : name_(name), handle_(dlopen(name, RTLD_NOW | RTLD_LOCAL)), complete_(handle_ != nullptr) {}
  /// A function of it. A missing one gives nullptr, and complete() says so.
  template <class Function>
  Function* symbol(const char* name) {
    void* address = handle_ == nullptr ? nullptr : dlsym(handle_, name);
    if (address == nullptr) complete_ = false;
    return reinterpret_cast<Function*>(address);
  }
  /// Is it loaded, with all that was asked for?
  bool complete() const { return complete_; }
  /// Why not.
  std::string reason() const {
    if (handle_ == nullptr) return name_ + " is not installed";
    return name_ + " lacks a function that is needed for a fixed budget";
  }

 private:
  std::string name_;
  void* handle_;
  bool complete_;
};

/// Anonymous memory: the whole budget of a peer.
struct Buffer {
  std::byte* data = nullptr;  ///< nullptr: the system refused it
  std::size_t size = 0;

  /// Does all of [pointer, pointer + bytes) lie in it?
  bool holds(const void* pointer, std::size_t bytes) const {
    const auto offset =
        reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(data);
    return offset <= size && bytes <= size - offset;
  }
};

/// Maps a buffer of `size` bytes at a multiple of `alignment`, on huge pages if they are wanted.
Buffer map_buffer(std::size_t size, std::size_t alignment, bool huge_pages);

/// The answer to a block outside the budget: the comparison would be wrong, so the process ends.
[[noreturn]] void outside_of_budget(const char* peer, const void* block, std::size_t bytes);

/// A block as a peer with a buffer hands it out: one elsewhere ends the process.
inline void* inside(const Buffer& buffer, const char* peer, void* block, std::size_t bytes) {
  if (block != nullptr && !buffer.holds(block, bytes)) outside_of_budget(peer, block, bytes);
  return block;
}

/// Finds by trial what an empty peer can hand out: blocks of a size until one is refused, then of
/// half that size, down to 4 KiB; then all are freed. Done with 32 KiB and with the largest power
/// of two in the budget as the first size; the better of the two counts. The memory is touched
/// meanwhile, so no later figure has first faults in it. Without a budget: 0, no trial.
std::uint64_t usable_by_trial(const Peer& peer, const Setting& setting);

}  // namespace vc::compare
