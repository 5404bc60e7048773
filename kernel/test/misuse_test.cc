// Wrong pointers. The kernel's free() and physical() end the machine with a panic that names the
// mistake and the caller (suite PanicMisuse, one boot each); the allocator below them names the
// mistake and changes nothing, in handlers too.
#include <gtest/gtest.h>

#include "kernel/memory/memory.h"
#include "kernel/test/kernel_home.h"

namespace vc::kernel {
namespace {

using testing::KernelHome;

constexpr Bytes kSize{40 * 4096};

/// A compound of the main arena of that kind.
VirtAddr compound(Contiguity contiguity) {
  const auto got = allocate({.size = kSize, .contiguity = contiguity});
  if (!got) return {};
  EXPECT_EQ(got->kind, contiguity == Contiguity::never ? Kind::mapped : Kind::contiguous);
  return got->address;
}
/// Frees in an interrupt handler (of another CPU, if there is one).
void free_in_a_handler(VirtAddr address) {
  KernelHome::run_beside([&] { kernel::free(address); });
}

TEST(PanicMisuse, DoubleFree) {
  const VirtAddr address = compound(Contiguity::required);
  kernel::free(address);
  kernel::free(address);
}
TEST(PanicMisuse, DoubleFreeOfMapped) {
  const VirtAddr address = compound(Contiguity::never);
  kernel::free(address);
  kernel::free(address);
}
TEST(PanicMisuse, DoubleFreeAfterReclaim) {
  const VirtAddr address = compound(Contiguity::never);
  kernel::free(address);
  arena().allocator.reclaim();
  kernel::free(address);
}
TEST(PanicMisuse, DoubleFreeInAHandler) {
  const VirtAddr address = compound(Contiguity::never);
  free_in_a_handler(address);
  free_in_a_handler(address);
}
TEST(PanicMisuse, InteriorAddress) { kernel::free(compound(Contiguity::required) + Bytes(4096)); }
TEST(PanicMisuse, InteriorAddressOfMapped) {
  kernel::free(compound(Contiguity::never) + Bytes(2 * 4096));
}
TEST(PanicMisuse, MisalignedAddress) { kernel::free(compound(Contiguity::never) + Bytes(16)); }
TEST(PanicMisuse, ForeignPointer) {
  static constinit int object = 0;
  kernel::free(VirtAddr(reinterpret_cast<std::uintptr_t>(&object)));
}
TEST(PanicMisuse, NullPointer) { kernel::free(VirtAddr(0)); }
TEST(PanicMisuse, GuardPage) { kernel::free(compound(Contiguity::never) + kSize); }
TEST(PanicMisuse, PhysicalOfMapped) {
  static_cast<void>(physical(compound(Contiguity::never) + Bytes(100)));
}
TEST(PanicMisuse, PhysicalOfFreed) {
  const VirtAddr address = compound(Contiguity::required);
  kernel::free(address);
  static_cast<void>(physical(address));
}
TEST(PanicMisuse, AccessBehindAMappedCompound) {
  const VirtAddr address = compound(Contiguity::never);
  *pointer<volatile std::uint64_t>(address + kSize) = 1;
}
TEST(PanicMisuse, AccessAfterFree) {
  const VirtAddr address = compound(Contiguity::never);
  kernel::free(address);
  arena().allocator.reclaim();
  static_cast<void>(*pointer<volatile std::uint64_t>(address));
}

/// A home of its own, with one compound of each kind.
class Misuses : public ::testing::Test {
 protected:
  static constexpr CallSite kSite{"misuse", 1};

  void SetUp() override {
    KernelHome::prepare(false);
    home_ = new KernelHome(PageCount(256));
    for (std::uint32_t i = 0; i < 2; ++i) {
      const Contiguity contiguity = i == 0 ? Contiguity::required : Contiguity::never;
      const auto got = a().allocate({.size = kSize, .contiguity = contiguity}, kSite);
      ASSERT_TRUE(got.ok());
      compounds_[i] = got->address;
    }
  }
  void TearDown() override {
    a().reclaim();
    a().check();
    EXPECT_EQ(a().stats().free_pages, PageCount(256));
    delete home_;
  }
  CompoundAllocator<X86Platform>& a() { return home_->allocator(); }

  KernelHome* home_ = nullptr;
  VirtAddr compounds_[2] = {};
};

TEST_F(Misuses, ASecondFreeInAHandlerIsNamed) {
  for (const VirtAddr address : compounds_) {
    Misuse first{};
    Misuse second{};
    Misuse inside{};
    KernelHome::run_beside([&] {
      inside = a().free(address + Bytes(4096));
      first = a().free(address);
      second = a().free(address);
    });
    EXPECT_EQ(inside, Misuse::interior);
    EXPECT_EQ(first, Misuse::none);
    EXPECT_EQ(second, Misuse::already_freed);
    EXPECT_EQ(a().free(address), Misuse::already_freed) << "and for a thread too";
  }
  EXPECT_EQ(a().stats().deferred_frees, 2U);
  EXPECT_EQ(a().stats().misuses, 6U);
}

TEST_F(Misuses, OfFreesOnAllCpusAtOnceOneCounts) {
  for (std::uint32_t round = 0; round < 50; ++round) {
    for (VirtAddr& address : compounds_) {
      Atomic<std::uint32_t> freed;
      Atomic<std::uint32_t> refused;
      KernelHome::run_in_slots([&](std::uint32_t) {
        const Misuse misuse = a().free(address);
        (misuse == Misuse::none ? freed : refused).fetch_add(1);
        EXPECT_TRUE(misuse == Misuse::none || misuse == Misuse::already_freed ||
                    misuse == Misuse::not_allocated)
            << misuse;
      });
      EXPECT_EQ(freed.load_relaxed(), 1U);
      EXPECT_EQ(refused.load_relaxed(), KernelHome::concurrent_slots() - 1);
      const Contiguity contiguity =
          &address == compounds_ ? Contiguity::required : Contiguity::never;
      const auto got = a().allocate({.size = kSize, .contiguity = contiguity}, kSite);
      ASSERT_TRUE(got.ok());
      address = got->address;
    }
  }
  for (const VirtAddr address : compounds_) EXPECT_EQ(a().free(address), Misuse::none);
}

}  // namespace
}  // namespace vc::kernel
