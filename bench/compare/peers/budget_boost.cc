// Boost.Interprocess in a fixed buffer: its default algorithm (red-black tree, best fit) and its
// default mutex, its headers beside the blocks in the buffer.
#include "bench/compare/peers/budget.h"

#if __has_include(<boost/interprocess/managed_external_buffer.hpp>)
#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/version.hpp>
#include <new>
#include <optional>
#define VC_HAS_BOOST_INTERPROCESS 1
#else
#define VC_HAS_BOOST_INTERPROCESS 0
#endif

namespace vc::compare {

namespace {

constexpr const char* kName = "boost_interprocess";

#if VC_HAS_BOOST_INTERPROCESS

using Managed = boost::interprocess::managed_external_buffer;

constexpr std::size_t kAlignment = std::size_t{2} << 20;

std::optional<Managed> managed;

void* allocate(std::size_t bytes) { return managed->allocate(bytes, std::nothrow); }

void free_block(void* block) {
  if (block != nullptr) managed->deallocate(block);
}

std::string version() {
  return std::to_string(BOOST_VERSION / 100'000) + "." + std::to_string(BOOST_VERSION / 100 % 1000);
}

Opened open_boost(const Setting& setting) {
  const Buffer buffer = map_buffer(budget_of(setting), kAlignment, setting.huge_pages);
  if (buffer.data == nullptr) return "the system refused a buffer of that size";
  managed.emplace(boost::interprocess::create_only, buffer.data, buffer.size);
  Peer peer{.name = kName, .version = version(), .allocate = allocate, .free = free_block};
  peer.usable = usable_by_trial(peer, setting);
  peer.remark = "managed_external_buffer: rbtree_best_fit";
  return peer;
}

#else

Opened open_boost(const Setting&) { return "Boost's headers were not there when this was built"; }

#endif

const PeerRegistration registration{kName, {.open = open_boost}};

}  // namespace

}  // namespace vc::compare
