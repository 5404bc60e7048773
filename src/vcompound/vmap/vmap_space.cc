#include "vcompound/vmap/vmap_space.h"

#include "vcompound/base/assert.h"
#include "vcompound/base/random.h"

namespace vc {

namespace {
constexpr std::uint32_t kGuardPages = 1;
constexpr std::uint64_t priority_of(std::uint32_t node) { return mix64(node); }
}  // namespace

void VmapSpace::open(VmapMemory memory, PageCount pages) {
  VC_ASSERT(pages.value < kNoVpn.value, "a vmap space has less than 2^32 - 1 pages");
  VC_ASSERT(memory.node_count >= 3, "a vmap space needs nodes");
  entries_ = memory.entries;
  nodes_ = memory.nodes;
  node_count_ = memory.node_count;
  size_ = pages;
  free_pages_ = pages;
  add_gap(0, static_cast<Index>(pages.value));
}

Vpn VmapSpace::reserve(PageCount pages, PageCount alignment) {
  if (areas_ + 3 > node_count_)
    return kNoVpn;  // release() must always find a node: gaps <= areas + 1
  const std::uint64_t needed = pages.value + kGuardPages;
  const Index gap = find(needed + alignment.value - 1);
  if (gap == kNil) return kNoVpn;
  const std::uint64_t first = align_up(nodes_[gap].start + kGuardPages, alignment.value);
  take_out(gap, static_cast<Index>(first - kGuardPages), static_cast<Index>(needed));
  entries_[first - 1].store_relaxed(static_cast<Index>(pages.value));
  ++areas_;
  VC_AUDIT((check(), true), "a vmap space is broken");
  return Vpn(first);
}

void VmapSpace::release(Vpn first) {
  const auto start = static_cast<Index>(first.value - kGuardPages);
  const auto length = static_cast<Index>(pages(first).value + kGuardPages);
  VC_ASSERT(length > kGuardPages, "release of an area that is not reserved");
  --areas_;
  give(start, length);
  VC_AUDIT((check(), true), "a vmap space is broken");
}

void VmapSpace::shrink(Vpn first, PageCount pages) {
  const PageCount before = this->pages(first);
  VC_ASSERT(pages.value != 0 && pages < before, "an area does not shrink to that length");
  entries_[first.value - kGuardPages].store_relaxed(static_cast<Index>(pages.value));
  give(static_cast<Index>((first + pages).value), static_cast<Index>((before - pages).value));
  VC_AUDIT((check(), true), "a vmap space is broken");
}

/// Makes a range free: a gap of its own, or part of those it touches.
void VmapSpace::give(std::uint32_t start, std::uint32_t length) {
  for (std::uint32_t page = start; page < start + length; ++page) {
    entries_[page].store_relaxed(static_cast<std::uint32_t>(kNoPfn.value));
  }
  free_pages_ += PageCount(length);
  const Index before = gap_ending_at(start);
  const Index after = gap_starting_at(start + length);
  if (before != kNil && after != kNil) {  // the area was all that kept two gaps apart
    root_ = erase(root_, nodes_[after].start);
    nodes_[before].length += length + nodes_[after].length;
    spare_node(after);
    refresh(nodes_[before].start);
  } else if (before != kNil) {  // the gap before grows at its end
    nodes_[before].length += length;
    refresh(nodes_[before].start);
  } else if (after != kNil) {  // the gap after grows at its front
    nodes_[after].start = start;
    nodes_[after].length += length;
    refresh(start);
  } else {  // between two areas
    add_gap(start, length);
  }
}

PageCount VmapSpace::largest_gap() const {
  const Index largest = largest_of(root_);
  return PageCount(largest > kGuardPages ? largest - kGuardPages : 0);
}

void VmapSpace::add_gap(std::uint32_t start, std::uint32_t length) {
  const Index node = new_node();
  nodes_[node] = {start, length, length, kNil, kNil};
  root_ = insert(root_, node);
}

/// Takes [start, start + length) out of a gap that contains it.
void VmapSpace::take_out(Index gap, std::uint32_t start, std::uint32_t length) {
  GapNode& node = nodes_[gap];
  const std::uint32_t before = start - node.start;
  const std::uint32_t after = node.length - before - length;
  free_pages_ -= PageCount(length);
  if (before == 0 && after == 0) {  // the whole gap
    root_ = erase(root_, start);
    spare_node(gap);
  } else if (before == 0) {  // its front
    node.start = start + length;
    node.length = after;
    refresh(node.start);
  } else {  // its back, or its middle, which leaves a second gap
    node.length = before;
    refresh(node.start);
    if (after != 0) add_gap(start + length, after);
  }
}

/// The gap of the lowest address with at least `length` pages.
VmapSpace::Index VmapSpace::find(std::uint64_t length) const {
  Index t = root_;
  if (largest_of(t) < length) return kNil;
  for (;;) {
    if (largest_of(nodes_[t].left) >= length) {
      t = nodes_[t].left;
    } else if (nodes_[t].length >= length) {
      return t;
    } else {
      t = nodes_[t].right;
    }
  }
}

VmapSpace::Index VmapSpace::gap_ending_at(std::uint32_t page) const {
  Index last = kNil;  // the last gap that starts before `page`
  for (Index t = root_; t != kNil;) {
    if (nodes_[t].start < page) {
      last = t;
      t = nodes_[t].right;
    } else {
      t = nodes_[t].left;
    }
  }
  return last != kNil && nodes_[last].start + nodes_[last].length == page ? last : kNil;
}

VmapSpace::Index VmapSpace::gap_starting_at(std::uint32_t page) const {
  Index t = root_;
  while (t != kNil && nodes_[t].start != page) {
    t = page < nodes_[t].start ? nodes_[t].left : nodes_[t].right;
  }
  return t;
}

void VmapSpace::update(Index t) {
  GapNode& node = nodes_[t];
  node.largest = node.length;
  if (largest_of(node.left) > node.largest) node.largest = largest_of(node.left);
  if (largest_of(node.right) > node.largest) node.largest = largest_of(node.right);
}

VmapSpace::Index VmapSpace::rotate_left(Index t) {
  const Index top = nodes_[t].right;
  nodes_[t].right = nodes_[top].left;
  nodes_[top].left = t;
  update(t);
  update(top);
  return top;
}

VmapSpace::Index VmapSpace::rotate_right(Index t) {
  const Index top = nodes_[t].left;
  nodes_[t].left = nodes_[top].right;
  nodes_[top].right = t;
  update(t);
  update(top);
  return top;
}

VmapSpace::Index VmapSpace::insert(Index t, Index node) {
  if (t == kNil) return node;
  if (nodes_[node].start < nodes_[t].start) {
    nodes_[t].left = insert(nodes_[t].left, node);
    if (priority_of(nodes_[t].left) > priority_of(t)) return rotate_right(t);
  } else {
    nodes_[t].right = insert(nodes_[t].right, node);
    if (priority_of(nodes_[t].right) > priority_of(t)) return rotate_left(t);
  }
  update(t);
  return t;
}

/// Removes the node that starts at `start`, which is in the tree.
VmapSpace::Index VmapSpace::erase(Index t, std::uint32_t start) {
  if (start == nodes_[t].start) return join(nodes_[t].left, nodes_[t].right);
  if (start < nodes_[t].start) {
    nodes_[t].left = erase(nodes_[t].left, start);
  } else {
    nodes_[t].right = erase(nodes_[t].right, start);
  }
  update(t);
  return t;
}

/// One tree out of two, all of `left` before all of `right`.
VmapSpace::Index VmapSpace::join(Index left, Index right) {
  if (left == kNil) return right;
  if (right == kNil) return left;
  if (priority_of(left) > priority_of(right)) {
    nodes_[left].right = join(nodes_[left].right, right);
    update(left);
    return left;
  }
  nodes_[right].left = join(left, nodes_[right].left);
  update(right);
  return right;
}

/// Recomputes `largest` from the node that starts at `start` up to the root, after its length
/// changed. The path is collected on the way down, by link reversal: `left`/`right` of a node on
/// the path points back to its parent until we come up again.
void VmapSpace::refresh(std::uint32_t start) {
  Index parent = kNil;
  Index t = root_;
  while (nodes_[t].start != start) {
    Index& link = start < nodes_[t].start ? nodes_[t].left : nodes_[t].right;
    const Index child = link;
    link = parent;
    parent = t;
    t = child;
  }
  update(t);
  while (parent != kNil) {
    Index& link = start < nodes_[parent].start ? nodes_[parent].left : nodes_[parent].right;
    const Index grandparent = link;
    link = t;
    t = parent;
    update(t);
    parent = grandparent;
  }
}

VmapSpace::Index VmapSpace::new_node() {
  if (spare_ != kNil) {
    const Index node = spare_;
    spare_ = nodes_[node].right;
    --spare_count_;
    return node;
  }
  VC_ASSERT(used_nodes_ + 1 < node_count_, "no node left for a gap");
  return ++used_nodes_;
}

void VmapSpace::spare_node(Index node) {
  nodes_[node].right = spare_;
  spare_ = node;
  ++spare_count_;
}

void VmapSpace::check() const {
  Totals totals;
  check_subtree(root_, 0, size_.value + 1, totals);
  VC_ASSERT(totals.pages == free_pages_.value, "V4: gap lengths do not add up");
  VC_ASSERT(totals.gaps + spare_count_ == used_nodes_, "V5: a node is lost");
}

/// Checks the subtree of gaps inside [lower, upper), whose neighbours it must not touch; returns
/// its largest gap.
std::uint64_t VmapSpace::check_subtree(Index t, std::uint64_t lower, std::uint64_t upper,
                                       Totals& totals) const {
  if (t == kNil) return 0;
  const GapNode& node = nodes_[t];
  const std::uint64_t end = std::uint64_t{node.start} + node.length;
  VC_ASSERT(node.length != 0, "V1: empty gap");
  VC_ASSERT(node.start >= lower && end < upper, "V1: gaps overlap, touch, or leave the space");
  VC_ASSERT(node.left == kNil || priority_of(node.left) <= priority_of(t), "V3: not a heap");
  VC_ASSERT(node.right == kNil || priority_of(node.right) <= priority_of(t), "V3: not a heap");
  const std::uint64_t left = check_subtree(node.left, lower, node.start, totals);
  const std::uint64_t right = check_subtree(node.right, end + 1, upper, totals);
  std::uint64_t largest = node.length;
  if (left > largest) largest = left;
  if (right > largest) largest = right;
  VC_ASSERT(largest == node.largest, "V2: largest gap of a subtree is wrong");
  ++totals.gaps;
  totals.pages += node.length;
  return largest;
}

}  // namespace vc
