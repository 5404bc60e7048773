// The kernel's memory: what boot found, how the direct map and the image are protected, what is
// refused and how it is told.
#include "kernel/memory/memory.h"

#include <gtest/gtest.h>

#include "kernel/arch/machine.h"
#include "kernel/arch/probe.h"
#include "kernel/boot/boot_info.h"
#include "kernel/memory/bring_up.h"
#include "kernel/memory/kernel_tables.h"
#include "kernel/memory/protect.h"
#include "kernel/memory/table_reserve.h"
#include "kernel/parameters.h"
#include "kernel/thread/wait.h"
#include "vcompound/base/random.h"

namespace vc::kernel {
namespace {

constexpr Bytes kPage{4096};
constexpr PageFlags kWritable = PageFlags::writable();
constexpr PageFlags kExecutable = PageFlags::executable();

VirtAddr direct_of(Pfn frame) { return direct(PhysAddr(frame.value << 12)); }
VirtAddr address_of(const void* p) { return VirtAddr(reinterpret_cast<std::uintptr_t>(p)); }
VirtAddr alias_of(VirtAddr in_image) { return kDirectMap + (in_image - kImageBase); }

bool overlap(PfnRange a, PfnRange b) { return a.first < b.end() && b.first < a.end(); }

std::uint64_t word_at(VirtAddr address) { return *pointer<volatile std::uint64_t>(address); }

// ---- what boot found ----------------------------------------------------------------------------

TEST(Memory, ZonesAreDisjointAndHoldWhatIsUsable) {
  const BootMemory& boot = boot_memory();
  auto& allocator = arena().allocator;
  ASSERT_EQ(allocator.node_count(), boot.zones.count);
  PageCount sum{};
  for (std::uint32_t i = 0; i < boot.zones.count; ++i) {
    const PlannedZone& zone = boot.zones.zones[i];
    sum += allocator.total_pages(i);
    EXPECT_EQ(zone.kind == ZoneKind::dma32, zone.frames.end() <= kDma32End);
    EXPECT_TRUE(zone.kind == ZoneKind::dma32 || zone.frames.first >= kDma32End);
    for (std::uint32_t k = 0; k < i; ++k) {
      EXPECT_FALSE(overlap(zone.frames, boot.zones.zones[k].frames));
    }
  }
  EXPECT_EQ(sum, boot.usable.pages());
  EXPECT_EQ(allocator.stats().total_pages, boot.usable.pages());
}

TEST(Memory, TheArenaHasNoFrameOfTheKernelsOwn) {
  const BootMemory& boot = boot_memory();
  const PfnRange first_mib{Pfn(0), PageCount(256)};
  const PfnRange root{Pfn(root_table().value >> 12), PageCount(1)};
  for (const PfnRange& range : boot.usable) {
    EXPECT_FALSE(overlap(range, image_frames(image_start, image_end)));
    EXPECT_FALSE(overlap(range, first_mib));
    EXPECT_FALSE(overlap(range, root));
    EXPECT_TRUE(boot.withheld.empty() || !overlap(range, boot.withheld));
    EXPECT_TRUE(boot.ram.contains(range)) << "frame " << range.first.value << " is no RAM";
  }
}

TEST(Memory, NormalZonesComeFirst) {
  const ZonePlan& plan = boot_memory().zones;
  for (std::uint32_t i = 0; i + 1 < plan.count; ++i) {
    EXPECT_LE(plan.zones[i].kind, plan.zones[i + 1].kind);
  }
  // Without a wish, memory comes from the first zone: DMA32 is spared if there is another.
  const auto page = allocate({.size = kPage * 3});
  ASSERT_TRUE(page.ok());
  if (plan.zones[0].kind == ZoneKind::normal) {
    EXPECT_GE(page->head, kDma32End);
  }
  free(page->address);
}

TEST(Memory, WithheldMemoryIsInTheDirectMapAndWhole) {
  const PfnRange withheld = withheld_memory();
  EXPECT_EQ(FrameSize(12).bytes(withheld.count), parameters().hot_add);
  if (withheld.empty()) GTEST_SKIP() << "needs hot_add=";
  EXPECT_EQ(withheld.first.value % 512, 0U);
  EXPECT_TRUE(translate(direct_of(withheld.first)).flags.has(kWritable));
  EXPECT_TRUE(translate(direct_of(withheld.end() - PageCount(1))).flags.has(kWritable));
}

TEST(Memory, ALimitIsKept) {
  if (parameters().memory_limit.value == 0) GTEST_SKIP() << "needs memory=";
  EXPECT_LE(FrameSize(12).bytes(boot_memory().ram.pages()), parameters().memory_limit);
}

/// Takes blocks and stamps their pages. Memory that is no memory, or that the map names twice,
/// would not keep what is written there.
class Stamped {
 public:
  /// Stamps every block with a number that is a multiple of `every`. The heads of the blocks are
  /// kept in a table for `room` of them.
  Stamped(std::uint32_t* heads, std::uint64_t room, PageCount block, std::uint64_t every)
      : heads_(heads), room_(room), block_(block), every_(every) {}

  void take_all() {
    const Request request{.size = FrameSize(12).bytes(block_), .contiguity = Contiguity::required};
    while (count_ != room_) {
      const auto block = allocate(request, CallSite::here(), Report::quiet);
      if (!block) return;
      heads_[count_] = static_cast<std::uint32_t>(block->head.value);
      for_each_page(count_++, [](Pfn frame) { stamp(frame) = mix64(frame.value); });
    }
  }
  /// Frees every block; returns the pages that have lost their stamp.
  std::uint64_t give_all() {
    std::uint64_t wrong = 0;
    for (std::uint64_t i = 0; i < count_; ++i) {
      for_each_page(i, [&](Pfn frame) {
        if (stamp(frame) != mix64(frame.value)) ++wrong;
      });
      free(direct_of(Pfn(heads_[i])));
    }
    return wrong;
  }
  std::uint64_t count() const { return count_; }

 private:
  static volatile std::uint64_t& stamp(Pfn frame) {
    return *pointer<volatile std::uint64_t>(direct_of(frame));
  }
  template <class Visitor>
  void for_each_page(std::uint64_t number, Visitor&& visit) const {
    if (number % every_ != 0) return;
    for (std::uint64_t i = 0; i < block_.value; ++i) visit(Pfn(heads_[number]) + PageCount(i));
  }

  std::uint32_t* heads_;
  std::uint64_t room_;
  PageCount block_;
  std::uint64_t every_;
  std::uint64_t count_ = 0;
};

TEST(Memory, EveryFrameKeepsWhatIsWrittenThere) {
  // Of much memory only a part is touched: what QEMU was never asked for, the host need not have.
  const std::uint64_t pages = boot_memory().usable.pages().value;
  constexpr std::uint64_t kMany = 131072;
  const PageCount block(pages <= kMany ? 32 : 512);
  const std::uint64_t room = pages / block.value;
  const auto table = allocate({.size = Bytes(room * sizeof(std::uint32_t))});
  ASSERT_TRUE(table.ok());
  Stamped all(pointer<std::uint32_t>(table->address), room, block, pages <= kMany ? 1 : 32);
  all.take_all();
  EXPECT_GT(all.count() * block.value, pages / 2);
  EXPECT_EQ(all.give_all(), 0U);
  free(table->address);
  arena().allocator.reclaim();
}

// ---- protection ---------------------------------------------------------------------------------

TEST(MemoryProtection, TheImageIsWritableOrExecutableOrNeither) {
  for (VirtAddr page = address_of(image_start); page < address_of(image_end); page += kPage) {
    const Translation t = translate(page);
    ASSERT_TRUE(t.exists());
    EXPECT_EQ(t.frame.value, (page - kImageBase).value >> 12);
    EXPECT_EQ(t.flags.has(kExecutable), page < address_of(text_end)) << page.value;
    EXPECT_EQ(t.flags.has(kWritable), page >= address_of(data_start)) << page.value;
  }
}

TEST(MemoryProtection, NoAliasWritesTextOrConstants) {
  for (VirtAddr page = address_of(image_start); page < address_of(image_end); page += kPage) {
    const Translation alias = translate(alias_of(page));
    if (!alias.exists()) continue;  // the map of this boot does not call it RAM
    EXPECT_FALSE(alias.flags.has(kExecutable)) << page.value;
    EXPECT_EQ(alias.flags.has(kWritable), page >= address_of(data_start)) << page.value;
  }
}

TEST(MemoryProtection, TheProcessorObeys) {
  static const std::uint8_t kConstant = 1;
  static std::uint8_t variable = 1;
  const VirtAddr text = address_of(text_start);
  EXPECT_FALSE(probe_write(text, 0));
  EXPECT_FALSE(probe_write(alias_of(text), 0));
  EXPECT_FALSE(probe_write(address_of(&kConstant), 0));
  EXPECT_FALSE(probe_write(alias_of(address_of(&kConstant)), 0));
  EXPECT_TRUE(probe_write(address_of(&variable), 2));
  EXPECT_TRUE(probe_write(alias_of(address_of(&variable)), 3));
  EXPECT_EQ(*const_cast<volatile std::uint8_t*>(&variable), 3);
  EXPECT_FALSE(probe_execute(address_of(&variable)));
  EXPECT_FALSE(probe_execute(alias_of(text))) << "the direct map is never executable";
}

TEST(MemoryProtection, EveryCpuObeys) {
  for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
    std::uint32_t refused = 0;
    call_on(
        cpu,
        [](void* count) {
          const VirtAddr text = address_of(text_start);
          if (!probe_write(text, 0)) ++*static_cast<std::uint32_t*>(count);
          if (!probe_execute(alias_of(text))) ++*static_cast<std::uint32_t*>(count);
        },
        &refused);
    EXPECT_EQ(refused, 2U) << "CPU " << cpu;
  }
}

TEST(MemoryProtection, NothingIsMappedInTheLowerHalf) {
  std::uint64_t word = 0;
  for (const std::uint64_t address : {0x0ULL, 0x1000ULL, 0x8000ULL, 0x20'0000ULL}) {
    EXPECT_FALSE(probe_read(VirtAddr(address), word)) << address;
  }
}

/// Is the frame the guard page of a stack, that is, the first of a compound in use?
bool may_be_guard(Pfn frame) { return arena().allocator.head_of(frame) == frame; }

TEST(MemoryProtection, TheDirectMapReachesAllRam) {
  for (const PfnRange& range : boot_memory().ram) {
    for (Pfn frame = range.first; frame < range.end();) {
      const Translation t = translate(direct_of(frame));
      ASSERT_TRUE(t.exists() || may_be_guard(frame)) << "frame " << frame.value;
      std::uint64_t word = 0;
      ASSERT_EQ(probe_read(direct_of(frame), word), t.exists()) << "frame " << frame.value;
      if (t.exists()) {
        ASSERT_EQ(t.frame, frame);
        ASSERT_FALSE(t.flags.has(kExecutable));
      }
      const PageCount leaf = t.exists() ? t.leaf : PageCount(1);
      frame = Pfn(align_down(frame.value, leaf.value)) + leaf;
    }
  }
}

TEST(MemoryProtection, BehindRamIsNothingThatCanBeWritten) {
  for (const PfnRange& range : boot_memory().ram) {
    EXPECT_FALSE(translate(direct_of(range.end())).flags.has(kWritable)) << range.end().value;
    EXPECT_FALSE(probe_write(direct_of(range.end()), 0));
  }
}

// ---- guard pages in the direct map --------------------------------------------------------------

/// A contiguous compound of 4 MiB, so that a huge leaf lies in it.
class DirectGuard : public testing::Test {
 public:
  void SetUp() override {
    const auto result = allocate({.size = Bytes(4U << 20), .contiguity = Contiguity::required});
    ASSERT_TRUE(result.ok());
    compound_ = *result;
    page_ = VirtAddr(align_up(compound_.address.value, 2U << 20)) + kPage * 5;
  }
  void TearDown() override {
    if (compound_.pages.value != 0) free(compound_.address);
    arena().allocator.reclaim();
  }

 protected:
  static bool can_read(VirtAddr address) {
    std::uint64_t word = 0;
    return probe_read(address, word);
  }
  PlatformStatus set(Access access) { return protect_direct({page_, kPage}, access); }

  Allocation compound_{};
  VirtAddr page_{};
};

TEST_F(DirectGuard, OnePageIsGoneAndComesBackWithItsContents) {
  *pointer<volatile std::uint64_t>(page_) = 4711;
  ASSERT_TRUE(set(Access::none).ok());
  EXPECT_FALSE(can_read(page_));
  EXPECT_FALSE(can_read(page_ + kPage - Bytes(8)));
  EXPECT_TRUE(probe_write(page_ - Bytes(1), 1));
  EXPECT_TRUE(probe_write(page_ + kPage, 1));
  ASSERT_TRUE(set(Access::read_write).ok());
  EXPECT_EQ(word_at(page_), 4711U);
  EXPECT_TRUE(probe_write(page_, 1));
  EXPECT_FALSE(translate(page_).flags.has(kExecutable));
}

TEST_F(DirectGuard, EveryCpuSeesIt) {
  struct Look {
    VirtAddr page;
    std::uint32_t readable;
  } look{page_, 0};
  const auto count = [&] {
    look.readable = 0;
    for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
      call_on(
          cpu,
          [](void* argument) {
            auto& l = *static_cast<Look*>(argument);
            if (can_read(l.page)) ++l.readable;
          },
          &look);
    }
    return look.readable;
  };
  EXPECT_EQ(count(), cpu_count()) << "and now each has a translation";
  ASSERT_TRUE(set(Access::none).ok());
  EXPECT_EQ(count(), 0U);
  ASSERT_TRUE(set(Access::read_write).ok());
  EXPECT_EQ(count(), cpu_count());
}

TEST_F(DirectGuard, WithoutTablesItIsRefusedAndNothingChanges) {
  // Tests before this one may have split leaves: look for one that is whole.
  constexpr std::uint32_t kMost = 8;
  Allocation others[kMost];
  std::uint32_t count = 0;
  while (translate(page_).leaf.value == 1 && count != kMost) {
    others[count++] = compound_;
    compound_ = {};
    SetUp();
    if (HasFatalFailure()) break;
  }
  if (translate(page_).leaf.value != 1) {
    table_reserve().set_injection(Trigger::nth(1));
    const PlatformStatus status = set(Access::none);
    table_reserve().set_injection(Trigger::off());
    EXPECT_EQ(status.reason, Reason::page_tables);
    EXPECT_NE(translate(page_).leaf.value, 1U);
    EXPECT_TRUE(probe_write(page_, 1));
    EXPECT_TRUE(set(Access::none).ok());
    EXPECT_FALSE(can_read(page_));
    EXPECT_TRUE(set(Access::read_write).ok());
  } else {
    ADD_FAILURE() << "no huge leaf is left";
  }
  for (std::uint32_t i = 0; i < count; ++i) free(others[i].address);
}

// ---- addresses ----------------------------------------------------------------------------------

TEST(Memory, PhysicalAddressesOfContiguousCompoundsAndTheImage) {
  const auto compound = allocate({.size = kPage * 4, .contiguity = Contiguity::required});
  ASSERT_TRUE(compound.ok());
  EXPECT_EQ(physical(compound->address).value, compound->head.value << 12);
  EXPECT_EQ(physical(compound->address + Bytes(8195)).value, (compound->head.value << 12) + 8195);
  EXPECT_EQ(direct(physical(compound->address)), compound->address);
  free(compound->address);
  static std::uint32_t variable = 0;
  EXPECT_EQ(physical(address_of(&variable)).value, (address_of(&variable) - kImageBase).value);
}

TEST(Memory, AnAddressIsNamed) {
  const auto run = allocate({.size = kPage * 2, .contiguity = Contiguity::required});
  const auto area = allocate({.size = kPage * 2, .contiguity = Contiguity::never});
  ASSERT_TRUE(run.ok() && area.ok());
  EXPECT_STREQ(what_is_at(VirtAddr(8)), "the null page");
  EXPECT_STREQ(what_is_at(VirtAddr(0x40'0000)), "the lower half, which is not used");
  EXPECT_STREQ(what_is_at(VirtAddr(0x1234'5678'0000'0000)), "no canonical address");
  EXPECT_STREQ(what_is_at(address_of(text_start)), "the kernel's text");
  EXPECT_STREQ(what_is_at(address_of(rodata_start)), "the kernel's constants");
  EXPECT_STREQ(what_is_at(address_of(data_start)), "the kernel's data");
  EXPECT_STREQ(what_is_at(run->address + Bytes(5000)), "a contiguous compound");
  EXPECT_STREQ(what_is_at(area->address + Bytes(5000)), "a mapped compound");
  EXPECT_STREQ(what_is_at(area->address - Bytes(1)),
               "the guard page in front of a mapped compound");
  free(run->address);
  EXPECT_STREQ(what_is_at(run->address), "the direct map, in no compound in use");
  free(area->address);
  EXPECT_STREQ(what_is_at(area->address), "the vmap window, where nothing is in use");
}

// ---- page tables of the window ------------------------------------------------------------------

TEST(MemoryTables, TheReserveIsCountedAndUsedFirst) {
  const TableReserve& reserve = table_reserve();
  EXPECT_GE(reserve.total().value, boot_memory().ram.pages().value / 512 + 16);
  EXPECT_LE(reserve.unused(), reserve.total());
}

TEST(MemoryTables, WhenTheReserveIsUsedUpFramesAreBorrowedAndComeBack) {
  TableReserve& reserve = table_reserve();
  const PageCount borrowed = reserve.borrowed();
  Pfn chain = kNoPfn;  // of table frames, through their first words
  const auto take = [&] {
    Guard guard(kernel_tables_lock);
    const Pfn frame = reserve.allocate();
    if (frame == kNoPfn) return false;
    bool zero = true;
    for (std::uint64_t i = 0; i < 512; ++i) {
      zero = zero && word_at(direct_of(frame) + Bytes(i * 8)) == 0;
    }
    *pointer<std::uint64_t>(direct_of(frame)) = chain.value;
    *pointer<std::uint64_t>(direct_of(frame) + kPage - Bytes(8)) = ~std::uint64_t{0};
    chain = frame;
    return zero;
  };
  const std::uint64_t more = reserve.unused().value + 20;
  for (std::uint64_t i = 0; i < more; ++i) ASSERT_TRUE(take());
  EXPECT_EQ(reserve.unused(), PageCount(0));
  EXPECT_EQ(reserve.borrowed(), borrowed + PageCount(20));
  while (chain != kNoPfn) {
    Guard guard(kernel_tables_lock);
    const Pfn frame = chain;
    chain = Pfn(word_at(direct_of(frame)));
    reserve.free(frame);
  }
  EXPECT_EQ(reserve.borrowed(), borrowed);
  EXPECT_EQ(reserve.unused().value, more - 20);
  arena().allocator.poll();
  arena().allocator.reclaim();
}

// ---- panics; each ends its boot -----------------------------------------------------------------

TEST(PanicMemory, PhysicalAddressOfMappedMemory) {
  const auto area = allocate({.size = kPage * 3, .contiguity = Contiguity::never});
  ASSERT_TRUE(area.ok());
  physical(area->address + kPage);
}

TEST(PanicMemory, PhysicalAddressOfNothing) { physical(kDirectMap + Bytes(0x1000)); }

}  // namespace
}  // namespace vc::kernel
