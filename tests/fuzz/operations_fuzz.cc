// Fuzzes the allocator by lists of operations on a small modelled machine. Every page is stamped
// and read back; every invariant is checked at the end. With VC_FUZZ_PRINT set, the list is printed
// as C++ statements, to be pasted into a regression test.
//
//   input   [machine][op a b][op a b]...      three bytes an operation
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "vcompound/instance/fake_arena.h"

namespace vc {
namespace {

constexpr std::uint64_t kPage = 4096;

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "operations_fuzz: %s\n", what);
  std::abort();
}

struct Live {
  Allocation what;
  std::uint64_t stamp;
};

class Interpreter {
 public:
  explicit Interpreter(const FakeOptions& options) : arena_(options) {}

  void step(std::uint8_t op, std::uint8_t a, std::uint8_t b) {
    FakePlatform::set_cpu(b % 3);
    switch (op % 10) {
      case 0:
      case 1:
      case 2: allocate(op, a, b); break;
      case 3: free_one(a); break;
      case 4: misuse(a, b); break;
      case 5: said("arena.allocator.reclaim();"), arena_.allocator.reclaim(); break;
      case 6: said("arena.allocator.trim();"), arena_.allocator.trim(); break;
      case 7: free_without_blocking(a); break;
      case 8: said("arena.allocator.set_always_map(...);"), always_map(a); break;
      default: fail(a, b); break;
    }
  }

  void finish() {
    for (const auto call : {FakeCall::commit, FakeCall::map, FakeCall::charge}) {
      arena_.platform.fail(call, 0);
    }
    while (!live_.empty()) free_one(0);
    arena_.allocator.reclaim();
    arena_.allocator.check();
    const Stats stats = arena_.allocator.stats();
    require(stats.free_pages == stats.total_pages, "pages are lost");
    require(stats.mappings_used == 0, "mappings are lost");
    require(arena_.platform.stale_uses() == 0, "a stale translation was used");
    require(arena_.platform.faults() == 0, "an allocated page was not mapped");
  }

 private:
  void said(const char* statement) const {
    if (print_) std::printf("  %s\n", statement);
  }

  void allocate(std::uint8_t op, std::uint8_t a, std::uint8_t b) {
    Request request{.size = Bytes(1 + std::uint64_t{a} * (b % 64) * 512)};
    request.contiguity = static_cast<Contiguity>(op / 10 % 3);
    request.zero = Zero((op & 64) != 0);
    request.may_block = MayBlock((op & 128) == 0);
    if (b > 200) request.alignment = Bytes(kPage << (b % 8));
    if (b % 16 == 5) request.placement = b > 128 ? Placement::spread() : Placement::on(b % 2);
    if (print_) {
      std::printf(
          "  allocate({.size = Bytes(%llu), .alignment = Bytes(%llu), .contiguity = %d});\n",
          static_cast<unsigned long long>(request.size.value),
          static_cast<unsigned long long>(request.alignment.value),
          static_cast<int>(request.contiguity));
    }
    auto got = arena_.allocator.allocate(request, CallSite::here());
    if (got) keep(*got, request);
  }

  void keep(const Allocation& what, const Request& request) {
    const Live live{what, ++stamps_ << 20};
    for (std::uint64_t n = 0; n < what.pages.value; ++n) {
      const VirtAddr address = what.address + Bytes(n * kPage);
      std::uint64_t seen = 0;
      require(arena_.platform.read(cpu(), address, seen), "a fresh page faults");
      require(request.zero == Zero::no || seen == 0, "a zeroed page is not zero");
      require(arena_.platform.write(cpu(), address, live.stamp + n), "a fresh page faults");
    }
    live_.push_back(live);
  }

  Live take(std::uint8_t a) {
    const std::size_t i = a % live_.size();
    const Live live = live_[i];
    live_[i] = live_.back();
    live_.pop_back();
    return live;
  }

  void free_one(std::uint8_t a) {
    if (live_.empty()) return;
    if (print_) std::printf("  free(live[%zu]);\n", a % live_.size());
    const Live live = take(a);
    for (std::uint64_t n = 0; n < live.what.pages.value; ++n) {
      std::uint64_t seen = 0;
      require(arena_.platform.read(cpu(), live.what.address + Bytes(n * kPage), seen), "a fault");
      require(seen == live.stamp + n, "a page was in two hands");
    }
    require(arena_.allocator.free(live.what.address) == Misuse::none, "a right free was refused");
    require(arena_.allocator.free(live.what.address) != Misuse::none, "a double free was taken");
  }

  void free_without_blocking(std::uint8_t a) {
    FakePlatform::set_no_block(true);
    free_one(a);
    FakePlatform::set_no_block(false);
  }

  void misuse(std::uint8_t a, std::uint8_t b) {
    if (live_.empty()) return;
    const Allocation& what = live_[a % live_.size()].what;
    const Bytes inside(std::uint64_t{b} * 64 % (what.pages.value * kPage));
    if (inside.value == 0) return;
    require(arena_.allocator.free(what.address + inside) != Misuse::none, "a wrong free was taken");
  }

  void always_map(std::uint8_t a) {
    arena_.allocator.set_always_map(a % 3 == 0   ? Trigger::always()
                                    : a % 3 == 1 ? Trigger::every(a)
                                                 : Trigger::off());
  }

  void fail(std::uint8_t a, std::uint8_t b) {
    if (print_) std::printf("  arena.platform.fail(FakeCall(%d), %d);\n", a % 4, b % 8);
    arena_.platform.fail(static_cast<FakeCall>(a % 4), b % 8);
  }

  static std::uint32_t cpu() { return 0; }

  FakeArena arena_;
  std::vector<Live> live_;
  std::uint64_t stamps_ = 0;
  bool print_ = std::getenv("VC_FUZZ_PRINT") != nullptr;
};

}  // namespace
}  // namespace vc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  vc::FakeOptions options;
  options.nodes = {vc::PageCount(64 + data[0] % 64), vc::PageCount(96)};
  options.commit_unit = vc::PageCount(data[0] % 2 == 0 ? 16 : 0);
  options.huge_pages = vc::PageCount(16);
  if (data[0] % 5 == 0) options.mapping_limit = 24;
  options.cpus = 3;
  vc::Interpreter interpreter(options);
  for (std::size_t i = 1; i + 2 < size; i += 3) {
    interpreter.step(data[i], data[i + 1], data[i + 2]);
  }
  interpreter.finish();
  return 0;
}
