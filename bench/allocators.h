// The allocators that are compared, each behind the same two calls, so that one benchmark function
// serves them all.
//
// The peers are reached as a program would reach them, through one indirect call: glibc's malloc is
// the process's own; mimalloc and jemalloc are loaded with dlopen(RTLD_LOCAL), so that nothing else
// in the process uses them and none of them stands in for another. Their settings are their
// defaults. verify_peers() proves that each name is what it says.
#pragma once

#include <cstddef>
#include <string>

#include "vcompound/arena.h"

namespace vc::bench {

/// The two calls of a peer.
struct PeerCalls {
  void* (*allocate)(std::size_t) = nullptr;
  void (*free)(void*) = nullptr;
  std::string version;  ///< as the loaded library itself reports it
};

const PeerCalls& glibc_calls();
const PeerCalls& mimalloc_calls();
const PeerCalls& jemalloc_calls();

/// Loads the peers and asks each of them whether it served a request that was sent to it. Ends the
/// program with status 3 if one is missing or is not what it should be.
void verify_peers();

/// The arena that the benchmarks of vcompound share; made at first use, with default options.
Arena& shared_arena();

/// vcompound, by bare pointers.
struct Ours {
  static constexpr const char* kName = "ours";
  void* allocate(std::size_t size) { return arena->try_allocate(bytes(size)); }
  void free(void* p) { arena->free(p); }

  Arena* arena = &shared_arena();
};

/// A peer. The pointers to its functions are copied, so that a loop can keep them in registers.
template <const PeerCalls& (*Calls)(), const char* Name>
struct Peer {
  static constexpr const char* kName = Name;
  void* allocate(std::size_t size) { return allocate_(size); }
  void free(void* p) { free_(p); }

  void* (*allocate_)(std::size_t) = Calls().allocate;
  void (*free_)(void*) = Calls().free;
};

inline constexpr char kGlibcName[] = "glibc";
inline constexpr char kMimallocName[] = "mimalloc";
inline constexpr char kJemallocName[] = "jemalloc";
using Glibc = Peer<glibc_calls, kGlibcName>;
using Mimalloc = Peer<mimalloc_calls, kMimallocName>;
using Jemalloc = Peer<jemalloc_calls, kJemallocName>;

}  // namespace vc::bench
