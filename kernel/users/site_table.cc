// SiteTable: fed from the arenas, growing in virtual compounds. The table itself is in
// site_uses.cc.
#include "kernel/users/site_table.h"

#include "kernel/console/console.h"
#include "kernel/memory/memory.h"
#include "kernel/users/hot_added_memory.h"

namespace vc::kernel {
namespace {

constinit SiteTable the_site_table;

/// Adds every compound in use of one arena.
void add_compounds(X86Arena& from, SiteUses& uses) {
  const CallSites& sites = from.allocator.call_sites();
  from.allocator.for_each_compound([&](const CompoundInfo& info) {
    if (info.state != FrameState::head) return;
    const bool is_mapped = info.what.kind == Kind::mapped;
    uses.add({sites[info.site].site, 1, is_mapped ? std::uint64_t{1} : 0, info.what.pages});
  });
}

}  // namespace

SiteTable& site_table() { return the_site_table; }

bool SiteTable::open(std::uint32_t capacity) {
  if (!memory_.open("call-site table", Bytes(sizeof(SiteUse)) * capacity)) return false;
  uses_.open(memory_.at(), capacity);
  growths_ = 0;
  return true;
}

void SiteTable::close() {
  if (!is_open()) return;
  uses_.open(nullptr, 0);
  memory_.close();
}

/// Moves into a compound with room for so many sites.
bool SiteTable::grow(std::uint64_t capacity) {
  UserMemory larger;
  if (!larger.open("call-site table", Bytes(sizeof(SiteUse)) * capacity)) return false;
  uses_.move_to(larger.at(), static_cast<std::uint32_t>(capacity));
  memory_.swap(larger);
  larger.close();
  ++growths_;
  return true;
}

void SiteTable::visit() {
  uses_.clear();
  add_compounds(arena(), uses_);
  if (hot_added_memory().is_open()) add_compounds(hot_added_memory().arena(), uses_);
}

bool SiteTable::collect() {
  for (visit(); uses_.missing() != 0; visit()) {
    if (!grow(std::uint64_t{uses_.capacity()} * 2)) return false;
  }
  return true;
}

bool SiteTable::add(const SiteUse& use) {
  const std::uint64_t missing = uses_.missing();
  uses_.add(use);
  if (uses_.missing() == missing) return true;
  if (!grow(std::uint64_t{uses_.capacity()} * 2)) return false;
  uses_.add(use);
  return true;
}

void SiteTable::print() {
  uses_.rank();
  for (std::uint32_t i = 0; i < uses_.size(); ++i) {
    Line line;
    describe(uses_[i], arena().allocator.frame_size(), line);
  }
}

}  // namespace vc::kernel
