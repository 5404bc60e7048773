// Boost.Interprocess in a fixed buffer: its default algorithm (red-black tree, best fit), its
// headers beside the blocks in the buffer. The default of an external buffer has a mutex that does
// nothing; here it has the one that a managed shared memory has, so that several threads may call.
#include "bench/compare/peers/budget.h"

#if __has_include(<boost/interprocess/managed_external_buffer.hpp>)
#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/mem_algo/rbtree_best_fit.hpp>
#include <boost/interprocess/sync/mutex_family.hpp>
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

namespace interprocess = boost::interprocess;

using Managed = interprocess::basic_managed_external_buffer<
    char, interprocess::rbtree_best_fit<interprocess::mutex_family>, interprocess::iset_index>;

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
  managed.emplace(interprocess::create_only, buffer.data, buffer.size);
  Peer peer{.name = kName, .version = version(), .allocate = allocate, .free = free_block};
  peer.usable = usable_by_trial(peer, setting);
  peer.remark = "basic_managed_external_buffer: rbtree_best_fit, mutex_family";
  return peer;
}

#else

Opened open_boost(const Setting&) { return "Boost's headers were not there when this was built"; }

#endif

const PeerRegistration registration{kName, {.open = open_boost}};

}  // namespace

}  // namespace vc::compare
