// Units as types: a size is not a count, a count is not an order, an address is not a frame number.
//
// One of the real bugs of the 2008 patches passed a size in bytes where an order was meant; here
// that does not compile. Every unit is a 64-bit number with an explicit constructor, and only the
// operations that mean something exist:
//
//     Pfn + PageCount -> Pfn          Pfn - Pfn -> PageCount        Order -> PageCount
//     VirtAddr + Bytes -> VirtAddr    VirtAddr - VirtAddr -> Bytes
//     FrameSize converts between Bytes and PageCount, always visibly.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace vc {

/// A number with a meaning. `Tag` keeps different meanings apart at compile time.
template <class Tag>
struct Quantity {
  std::uint64_t value = 0;

  constexpr Quantity() = default;
  explicit constexpr Quantity(std::uint64_t v) : value(v) {}
  constexpr auto operator<=>(const Quantity&) const = default;
};

/// An amount that can be added to itself (bytes, page counts).
template <class Tag>
struct Amount : Quantity<Tag> {
  using Quantity<Tag>::Quantity;
  constexpr auto operator<=>(const Amount&) const = default;
  friend constexpr Amount operator+(Amount a, Amount b) { return Amount(a.value + b.value); }
  friend constexpr Amount operator-(Amount a, Amount b) { return Amount(a.value - b.value); }
  friend constexpr Amount operator*(Amount a, std::uint64_t k) { return Amount(a.value * k); }
  constexpr Amount& operator+=(Amount b) { return *this = *this + b; }
  constexpr Amount& operator-=(Amount b) { return *this = *this - b; }
};

/// A place on a line; the distance between two places is a `Distance`.
template <class Tag, class Distance>
struct Position : Quantity<Tag> {
  using Quantity<Tag>::Quantity;
  constexpr auto operator<=>(const Position&) const = default;
  friend constexpr Position operator+(Position p, Distance d) {
    return Position(p.value + d.value);
  }
  friend constexpr Position operator-(Position p, Distance d) {
    return Position(p.value - d.value);
  }
  friend constexpr Distance operator-(Position a, Position b) {
    return Distance(a.value - b.value);
  }
  constexpr Position& operator+=(Distance d) { return *this = *this + d; }
};

/// A number of bytes.
using Bytes = Amount<struct BytesTag>;
/// A number of page frames.
using PageCount = Amount<struct PageCountTag>;
/// The smaller of two.
constexpr PageCount smaller(PageCount a, PageCount b) { return a < b ? a : b; }
/// A page frame number: the index of a frame in its home's physical memory.
using Pfn = Position<struct PfnTag, PageCount>;
/// A virtual page number: the index of a page in a vmap space.
using Vpn = Position<struct VpnTag, PageCount>;
/// A virtual address.
using VirtAddr = Position<struct VirtAddrTag, Bytes>;
/// A physical address (in a process: the offset in the arena's backing file).
using PhysAddr = Position<struct PhysAddrTag, Bytes>;

/// log2 of a number of frames: a block of order k has 2^k frames and starts at a multiple of 2^k.
struct Order {
  std::uint32_t value = 0;

  constexpr Order() = default;
  explicit constexpr Order(std::uint32_t v) : value(v) {}
  constexpr auto operator<=>(const Order&) const = default;
  /// The frames of a block of this order.
  constexpr PageCount pages() const { return PageCount(std::uint64_t{1} << value); }
};

/// The largest order a zone keeps: 2^18 frames, which is 1 GiB of 4 KiB frames.
inline constexpr Order kMaxOrder{18};
/// The number of different orders, 0 to kMaxOrder.
inline constexpr std::uint32_t kOrderCount = kMaxOrder.value + 1;
/// "No frame": links end with it.
inline constexpr Pfn kNoPfn{0xffff'ffff};

/// Adjacent frames [first, first + count).
struct PfnRange {
  Pfn first{};
  PageCount count{};

  constexpr Pfn end() const { return first + count; }
  constexpr bool empty() const { return count.value == 0; }
  constexpr bool contains(Pfn pfn) const { return pfn - first < count; }  // wraps below first
  constexpr bool operator==(const PfnRange&) const = default;
};

/// Virtual addresses [start, start + size).
struct VirtRange {
  VirtAddr start{};
  Bytes size{};

  constexpr VirtAddr end() const { return start + size; }
  constexpr bool contains(VirtAddr a) const { return a - start < size; }  // wraps below start
  constexpr bool operator==(const VirtRange&) const = default;
};

/// floor(log2(v)); v > 0.
constexpr std::uint32_t floor_log2(std::uint64_t v) {
  return 63U - static_cast<std::uint32_t>(__builtin_clzll(v));
}
/// ceil(log2(v)); v > 0.
constexpr std::uint32_t ceil_log2(std::uint64_t v) { return v <= 1 ? 0 : floor_log2(v - 1) + 1; }
/// Is v a power of two? (0 is not.)
constexpr bool is_power_of_two(std::uint64_t v) { return v != 0 && (v & (v - 1)) == 0; }
/// v rounded up to a multiple of `unit`, a power of two. The caller excludes overflow.
constexpr std::uint64_t align_up(std::uint64_t v, std::uint64_t unit) {
  return (v + unit - 1) & ~(unit - 1);
}
/// v rounded down to a multiple of `unit`, a power of two.
constexpr std::uint64_t align_down(std::uint64_t v, std::uint64_t unit) { return v & ~(unit - 1); }

/// The smallest order whose blocks hold `pages` frames; pages > 0.
constexpr Order order_for(PageCount pages) { return Order(ceil_log2(pages.value)); }

/// The size of a page frame, a power of two; the one place where bytes and frames are exchanged.
class FrameSize {
 public:
  /// Frames of 2^shift bytes.
  explicit constexpr FrameSize(std::uint32_t shift = 12) : shift_(shift) {}

  constexpr std::uint32_t shift() const { return shift_; }
  constexpr Bytes bytes() const { return Bytes(std::uint64_t{1} << shift_); }
  /// The size of that many frames.
  constexpr Bytes bytes(PageCount pages) const { return Bytes(pages.value << shift_); }
  /// The frames needed for `size` bytes, rounded up; cannot overflow.
  constexpr PageCount pages_for(Bytes size) const {
    return PageCount((size.value >> shift_) + ((size.value & (bytes().value - 1)) != 0 ? 1 : 0));
  }
  /// The whole frames within `size` bytes, rounded down.
  constexpr PageCount whole_pages(Bytes size) const { return PageCount(size.value >> shift_); }
  constexpr bool operator==(const FrameSize&) const = default;

 private:
  std::uint32_t shift_;
};

}  // namespace vc
