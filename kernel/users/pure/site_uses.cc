// SiteUses: the sorted table of call sites. Pure.
#include "kernel/users/site_table.h"
#include "vcompound/base/assert.h"

namespace vc::kernel {
namespace {

/// < 0, 0, > 0: the order of two names; nullptr is in front of all.
int compare(const char* a, const char* b) {
  if (a == b) return 0;
  if (a == nullptr) return -1;
  if (b == nullptr) return 1;
  while (*a != '\0' && *a == *b) {
    ++a;
    ++b;
  }
  return static_cast<int>(static_cast<unsigned char>(*a)) -
         static_cast<int>(static_cast<unsigned char>(*b));
}

/// Is `a` in front of `b` once the table is ranked?
bool outranks(const SiteUse& a, const SiteUse& b) {
  return a.pages != b.pages ? a.pages > b.pages : precedes(a.site, b.site);
}

void exchange(SiteUse& a, SiteUse& b) {
  const SiteUse kept = a;
  a = b;
  b = kept;
}

}  // namespace

bool precedes(const CallSite& a, const CallSite& b) {
  const int order = compare(a.file, b.file);
  return order != 0 ? order < 0 : a.where < b.where;
}

void SiteUses::open(void* memory, std::uint32_t capacity) {
  entries_ = static_cast<SiteUse*>(memory);
  capacity_ = capacity;
  clear();
}

void SiteUses::move_to(void* memory, std::uint32_t capacity) {
  VC_ASSERT(capacity >= size_, "a site table moves to where it has no room");
  auto* entries = static_cast<SiteUse*>(memory);
  for (std::uint32_t i = 0; i < size_; ++i) entries[i] = entries_[i];
  entries_ = entries;
  capacity_ = capacity;
  missing_ = 0;
}

void SiteUses::clear() {
  size_ = 0;
  missing_ = 0;
  ranked_ = false;
}

/// Where a site is, or belongs.
std::uint32_t SiteUses::place_of(const CallSite& site) const {
  std::uint32_t low = 0;
  std::uint32_t high = size_;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (precedes(entries_[middle].site, site)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void SiteUses::add(const SiteUse& use) {
  VC_ASSERT(!ranked_, "a site table is added to after it was ranked");
  const std::uint32_t place = place_of(use.site);
  if (place < size_ && !precedes(use.site, entries_[place].site)) {
    entries_[place].add(use);
    return;
  }
  if (size_ == capacity_) {
    ++missing_;
    return;
  }
  for (std::uint32_t i = size_; i > place; --i) entries_[i] = entries_[i - 1];
  entries_[place] = use;
  ++size_;
}

/// Makes the subtree of `root` a heap whose root is outranked by all others; entries from `end` on
/// do not belong to it.
void SiteUses::sift_down(std::uint32_t root, std::uint32_t end) {
  for (;;) {
    std::uint32_t last = root;
    for (std::uint32_t child = 2 * root + 1; child <= 2 * root + 2 && child < end; ++child) {
      if (outranks(entries_[last], entries_[child])) last = child;
    }
    if (last == root) return;
    exchange(entries_[root], entries_[last]);
    root = last;
  }
}

void SiteUses::rank() {
  for (std::uint32_t i = size_ / 2; i > 0; --i) sift_down(i - 1, size_);
  for (std::uint32_t end = size_; end > 1; --end) {
    exchange(entries_[0], entries_[end - 1]);
    sift_down(0, end - 1);
  }
  ranked_ = true;
}

void describe(const SiteUse& use, FrameSize frame_size, TextWriter& out) {
  out.text("  ").number(use.compounds).text(use.compounds == 1 ? " compound, " : " compounds, ");
  out.number(use.mapped).text(" mapped, ").size(frame_size.bytes(use.pages)).text("  ");
  if (use.site.file != nullptr) {
    out.text(use.site.file).character(':').number(use.site.where);
  } else if (use.site.where != 0) {
    out.hex(use.site.where);
  } else {
    out.text("unknown");
  }
}

}  // namespace vc::kernel
