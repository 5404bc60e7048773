// Peer: an allocator that is measured. One process opens one peer and measures one row with it, so
// no peer stands in another's way, and each can have settings that are read when a process starts.
//
// Each file of peers/ registers one, or several that differ by a setting:
//
//     const PeerRegistration mimalloc{"mimalloc", {.open = [](const Setting& setting) -> Opened
//     {…}}};
//
// A peer is called as a program would call it: through one indirect call, as through a program's
// linkage table. vcompound is called as a program would call it as well: its usual case is inline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "vcompound/arena.h"

namespace vc::compare {

/// What a row wants of its peer.
struct Setting {
  /// The peer may use that many bytes and no more; 0: the peer's defaults, without a limit.
  std::uint64_t budget = 0;
  /// Huge pages are wanted, where the peer knows a way.
  bool huge_pages = false;
};

/// A peer at work.
struct Peer {
  std::string name{};
  std::string version{};  ///< as the library itself reports it
  /// nullptr when refused.
  void* (*allocate)(std::size_t bytes) = nullptr;
  void (*free)(void* pointer) = nullptr;
  /// vcompound only: then rows call the arena instead of the two functions.
  Arena* arena = nullptr;
  /// With a budget: what of it the peer could hand out before anything was allocated (the rest is
  /// its own tables), as the peer itself says or by trial.
  std::uint64_t usable = 0;
  /// Does free() give memory back to the system at once? (Plain mmap does.) For information.
  std::string remark{};
};

/// The peer, or the reason why it cannot do what the row wants: one sentence.
using Opened = std::variant<Peer, std::string>;

struct PeerOpener {
  Opened (*open)(const Setting& setting);
};

/// Makes a peer known by its name. Names: vcompound, glibc, mimalloc, jemalloc, tcmalloc,
/// libhugetlbfs, boost_interprocess, dpdk, mmap, buddy (and variants, name_setting); and floor,
/// which is no allocator.
struct PeerRegistration {
  PeerRegistration(const char* name, PeerOpener opener);
};

/// All names, sorted; vcompound first.
std::vector<std::string> peer_names();
/// Opens a peer by its name; an unknown name is a reason as well. Once in a process.
Opened open_peer(const std::string& name, const Setting& setting);

/// The two calls, by function pointers that a loop can keep in registers.
struct PeerCalls {
  void* (*allocate_)(std::size_t);
  void (*free_)(void*);
  void* allocate(std::size_t bytes) const { return allocate_(bytes); }
  void free(void* pointer) const { free_(pointer); }
};

/// The two calls of vcompound.
struct ArenaCalls {
  Arena& arena;
  void* allocate(std::size_t size) const { return arena.try_allocate(bytes(size)); }
  void free(void* pointer) const { arena.free(pointer); }
};

/// Calls f(calls) with what suits the peer, so that one template measures them all.
template <class Function>
auto with_calls(const Peer& peer, Function&& f) {
  if (peer.arena != nullptr) return f(ArenaCalls{*peer.arena});
  return f(PeerCalls{peer.allocate, peer.free});
}

}  // namespace vc::compare
