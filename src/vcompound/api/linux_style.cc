// The original names. A page is its frame number in an address that no program can have:
//
//      63      56 55      52 51                                6 5      0
//      +---------+----------+-----------------------------------+--------+
//      |    0    |   1111   |            frame number           |   0    |
//      +---------+----------+-----------------------------------+--------+
//
// Bits 52 to 55 make it non-canonical on x86-64 and unmapped on arm64, so reading through a page
// faults at once; they also tell a page from a stray pointer.
#include "vcompound/linux_style.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "vcompound/api/c_arena.h"

using vc::Arena;
using vc::Misuse;
using vc::Pfn;
using vc::Reason;
using vc::c::set_error;

static_assert(VC_LINUX_ORDERS == vc::kOrderCount);
static_assert(sizeof(void*) == 8, "a page needs a pointer of 64 bits");

namespace {

constexpr std::uint64_t kMark = std::uint64_t{0xf} << 52;
constexpr std::uint32_t kShift = 6;
constexpr vc_gfp_t kKnownFlags = VC_GFP_ATOMIC | VC_GFP_ZERO | VC_GFP_NOWARN | VC_GFP_DMA;

struct page* encode(Pfn frame) {
  if (frame == vc::kNoPfn) return nullptr;
  return reinterpret_cast<struct page*>(kMark | frame.value << kShift);
}

/// The frame of a page; kNoPfn for what encode() never gave.
Pfn decode(const struct page* page) {
  const auto bits = reinterpret_cast<std::uintptr_t>(page);
  const std::uint64_t frame = (bits & ~kMark) >> kShift;
  const bool whole = (bits & kMark) == kMark && (bits & ((1U << kShift) - 1)) == 0;
  return whole && frame < vc::kNoPfn.value ? Pfn(frame) : vc::kNoPfn;
}

/// The arena, or nullptr with the thread's error set.
Arena* arena() {
  vc_arena* const current = vc_linux_style_arena();
  return current == nullptr ? nullptr : &current->arena;
}

/// The address of a page in use, or nullptr.
void* address_of(Arena* a, const struct page* page) {
  const Pfn frame = decode(page);
  return a == nullptr || frame == vc::kNoPfn ? nullptr : a->page_address(frame);
}

/// Says what is wrong with an argument, as the arena's options want it said.
void report(const Arena& a, const char* sentence) {
  set_error(Reason::invalid, sentence);
  if (a.options().on_misuse == vc::OnMisuse::ignore) return;
  std::fprintf(stderr, "vcompound: %s\n", sentence);
  if (a.options().on_misuse == vc::OnMisuse::abort) std::abort();
}

void report_page(const Arena& a) {
  report(a, "not a page of a compound in use; it was freed before, or is no struct page at all");
}

/// One line for the first refusal, the second, the fourth, the eighth ...
void warn(vc_gfp_t flags, const char* file, unsigned line) {
  static std::atomic<std::uint64_t> refusals{0};
  if ((flags & VC_GFP_NOWARN) != 0) return;
  const std::uint64_t number = refusals.fetch_add(1) + 1;
  if (!vc::is_power_of_two(number)) return;
  std::fprintf(stderr, "vcompound: page allocation failure (number %llu) at %s:%u: %s\n",
               static_cast<unsigned long long>(number), file == nullptr ? "?" : file, line,
               vc_last_error()->sentence);
}

struct page* refuse(vc_gfp_t flags, const char* file, unsigned line) {
  warn(flags, file, line);
  return nullptr;
}

vc::Request request_for(vc_gfp_t flags) {
  vc::Request request;
  if ((flags & VC_GFP_ATOMIC) != 0) request.may_block = vc::MayBlock::no;
  if ((flags & VC_GFP_ZERO) != 0) request.zero = vc::Zero::yes;
  if ((flags & VC_GFP_DMA) != 0) request.contiguity = vc::Contiguity::required;
  return request;
}

struct page* allocate(vc_gfp_t flags, const vc::Request& request, const char* file, unsigned line) {
  Arena* const a = arena();
  if (a == nullptr) return refuse(flags, file, line);
  if ((flags & ~kKnownFlags) != 0) {
    set_error(Reason::invalid,
              "unknown flags; is the order passed first? The flags are VC_GFP_...");
    return refuse(flags & ~VC_GFP_NOWARN, file, line);
  }
  void* const address = a->try_allocate(request, vc::CallSite{file, line});
  if (address != nullptr) return encode(a->frame_of(address));
  set_error(Arena::last_error());
  return refuse(flags, file, line);
}

/// The compound that a page belongs to.
struct Compound {
  Arena* arena;
  void* head;  ///< nullptr: there is none
};

Compound compound_of(const struct page* page) {
  Arena* const a = arena();
  void* const address = address_of(a, page);
  return {a, address == nullptr ? nullptr : a->head_of(address)};
}

}  // namespace

extern "C" {

struct page* vc_linux_alloc_order(int node, vc_gfp_t flags, unsigned order, const char* file,
                                  unsigned line) {
  if (order >= VC_LINUX_ORDERS) {
    set_error(Reason::invalid,
              "an order above 18; is it a size in bytes? An order is log2 of the number of pages");
    return refuse(flags, file, line);
  }
  if (node < VC_LINUX_ANY_NODE) {
    set_error(Reason::invalid, "a negative node; VC_LINUX_ANY_NODE is -1");
    return refuse(flags, file, line);
  }
  vc::Request request = request_for(flags);
  Arena* const a = arena();
  if (a != nullptr) request.size = a->frame_size().bytes(vc::Order(order).pages());
  if (node >= 0) request.placement = vc::Placement::on(static_cast<std::uint32_t>(node));
  return allocate(flags, request, file, line);
}

struct page* vc_linux_alloc_size(vc_gfp_t flags, size_t size, size_t maxloss, const char* file,
                                 unsigned line) {
  vc::Request request = request_for(flags);
  request.size = vc::Bytes(size);
  request.max_loss = vc::Bytes(maxloss);
  return allocate(flags, request, file, line);
}

void vc_linux_free_page(struct page* page) {
  if (page == nullptr) return;
  Arena* const a = arena();
  if (a == nullptr) return;
  void* const address = address_of(a, page);
  if (address == nullptr) return report_page(*a);
  vc_linux_free_address(address);
}

void vc_linux_free_address(const void* address) {
  if (address == nullptr) return;
  Arena* const a = arena();
  if (a == nullptr) return;
  const Misuse misuse = a->put(const_cast<void*>(address));
  if (misuse != Misuse::none) set_error(misuse);
}

void* vc_linux_page_address(const struct page* page) { return address_of(arena(), page); }

struct page* vc_linux_virt_to_page(const void* address) {
  Arena* const a = arena();
  return a == nullptr ? nullptr : encode(a->frame_of(address));
}

struct page* vc_linux_virt_to_head_page(const void* address) {
  Arena* const a = arena();
  void* const head = a == nullptr ? nullptr : a->head_of(address);
  return head == nullptr ? nullptr : encode(a->frame_of(head));
}

struct page* vc_linux_compound_head(const struct page* page) {
  const Compound compound = compound_of(page);
  return compound.head == nullptr ? nullptr : encode(compound.arena->frame_of(compound.head));
}

unsigned vc_linux_compound_order(const struct page* page) {
  const Compound compound = compound_of(page);
  if (compound.head == nullptr) return 0;
  const vc::Bytes size(compound.arena->size_of(compound.head));
  return vc::order_for(compound.arena->frame_size().pages_for(size)).value;
}

struct page* vc_linux_nth_page(const struct page* page, size_t n) {
  const Compound compound = compound_of(page);
  return compound.head == nullptr ? nullptr : encode(compound.arena->nth_page(compound.head, n));
}

vc_kind vc_linux_page_kind(const struct page* page) {
  const Compound compound = compound_of(page);
  if (compound.head == nullptr) return VC_KIND_NONE;
  const bool mapped = compound.arena->kind_of(compound.head) == vc::Kind::mapped;
  return mapped ? VC_KIND_MAPPED : VC_KIND_CONTIGUOUS;
}

int vc_linux_page_is_head(const struct page* page) {
  const Compound compound = compound_of(page);
  if (compound.head == nullptr || vc_linux_compound_order(page) == 0) return 0;
  return compound.head == address_of(compound.arena, page) ? 1 : 0;
}

int vc_linux_page_is_tail(const struct page* page) {
  const Compound compound = compound_of(page);
  return compound.head != nullptr && compound.head != address_of(compound.arena, page) ? 1 : 0;
}

void vc_linux_get_page(struct page* page) {
  const Compound compound = compound_of(page);
  if (compound.arena == nullptr) return;
  if (compound.head == nullptr) return report_page(*compound.arena);
  const Misuse misuse = compound.arena->get(compound.head);
  if (misuse != Misuse::none) set_error(misuse);
}

void vc_linux_put_page(struct page* page) {
  const Compound compound = compound_of(page);
  if (compound.arena == nullptr) return;
  if (compound.head == nullptr) return report_page(*compound.arena);
  const Misuse misuse = compound.arena->put(compound.head);
  if (misuse != Misuse::none) set_error(misuse);
}

unsigned vc_linux_page_count(const struct page* page) {
  const Compound compound = compound_of(page);
  return compound.head == nullptr ? 0 : compound.arena->references(compound.head);
}

int vc_linux_is_mapped(const void* address) {
  Arena* const a = arena();
  if (a == nullptr || a->head_of(address) == nullptr) return 0;
  return a->kind_of(address) == vc::Kind::mapped ? 1 : 0;
}

vc_frame vc_linux_page_to_pfn(const struct page* page) {
  const Pfn frame = decode(page);
  return frame == vc::kNoPfn ? VC_NO_FRAME : frame.value;
}

struct page* vc_linux_pfn_to_page(vc_frame frame) {
  return frame < vc::kNoPfn.value ? encode(Pfn(frame)) : nullptr;
}

vc_phys_addr_t vc_linux_virt_to_phys(const void* address) {
  Arena* const a = arena();
  if (a == nullptr) return VC_NO_PHYSICAL;
  const auto physical = a->physical(address);
  if (physical) return physical->value;
  report(*a,
         vc_linux_is_mapped(address) != 0
             ? "virt_to_phys() of an address in a mapped compound, whose pages are not adjacent; "
               "allocate with VC_GFP_DMA, or use vcompound_pages()"
             : "virt_to_phys() of an address that no compound in use covers");
  return VC_NO_PHYSICAL;
}

size_t vc_linux_pages(const void* address, struct page** pages, size_t capacity) {
  Arena* const a = arena();
  void* const head = a == nullptr ? nullptr : a->head_of(address);
  if (head == nullptr) return 0;
  const vc::Bytes size(a->size_of(head));
  const size_t count = a->frame_size().pages_for(size).value;
  const size_t wanted = pages == nullptr ? 0 : std::min(capacity, count);
  for (size_t n = 0; n < wanted; ++n) pages[n] = encode(a->nth_page(head, n));
  return count;
}

}  // extern "C"
