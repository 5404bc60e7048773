#include "kernel/users/all_users.h"

#include "kernel/memory/memory.h"
#include "kernel/users/connection_table.h"
#include "kernel/users/hot_added_memory.h"
#include "kernel/users/site_table.h"
#include "kernel/users/swap_map.h"
#include "kernel/users/wait_table.h"
#include "kernel/users/xor_buffer.h"
#include "vcompound/base/assert.h"

namespace vc::kernel {
namespace {

constexpr std::uint32_t kFirstSites = 64;

UserSizes sizes() {
  PageCount pages{};
  for (std::uint32_t node = 0; node < arena().allocator.node_count(); ++node) {
    pages += arena().allocator.total_pages(node);
  }
  return UserSizes::for_memory(arena().allocator.frame_size().bytes(pages));
}

/// For users whose close() cannot be refused.
template <class T>
bool close_one(T& opened) {
  opened.close();
  return true;
}

constexpr User kUsers[kUserCount] = {
    {"wait table", [] { return wait_tables().open(); }, [] { return close_one(wait_tables()); },
     [] {
       wait_tables().print();
     }},
    {"connection table", [] { return connections().open(sizes().connections); },
     [] { return close_one(connections()); },
     [] {
       connections().print();
     }},
    {"swap map", [] { return swap_space().open(sizes().swap_space); },
     [] { return close_one(swap_space()); },
     [] {
       swap_space().print();
     }},
    {"xor buffer", [] { return xor_speed().open(); }, [] { return close_one(xor_speed()); },
     [] {
       xor_speed().print();
     }},
    {"call-site table", [] { return site_table().open(kFirstSites) && site_table().collect(); },
     [] { return close_one(site_table()); },
     [] {
       site_table().print();
     }},
    {"hot-added memory", [] { return hot_added_memory().open(); },
     [] { return hot_added_memory().close() == Removal::removed; },
     [] {
       hot_added_memory().print();
     }},
};

}  // namespace

const User& user(std::uint32_t index) {
  VC_ASSERT(index < kUserCount, "there is no such user");
  return kUsers[index];
}

bool open_all_users() {
  for (std::uint32_t i = 0; i < kUserCount; ++i) {
    if (kUsers[i].open()) continue;
    close_all_users();
    return false;
  }
  return true;
}

bool close_all_users() {
  bool all_closed = true;
  for (std::uint32_t i = kUserCount; i > 0; --i) {
    all_closed = kUsers[i - 1].close() && all_closed;
  }
  return all_closed;
}

void print_all_users() {
  for (const User& each : kUsers) each.print();
}

}  // namespace vc::kernel
