// For every scenario and every kind of platform call: the k-th call fails, for every k. A refusal
// names the reason and leaves everything as it was, and the same request succeeds afterwards.
#include <gtest/gtest.h>

#include <ostream>

#include "tests/fault/scenario.h"

namespace vc {
namespace {

using testing::FaultArena;
using testing::Figures;
using testing::Scenario;

constexpr Bytes pages(std::uint64_t n) { return Bytes(n << 12); }

const FakeOptions kOneNode{.nodes = {PageCount(1024)}, .commit_unit = PageCount(32)};
const FakeOptions kHuge{.nodes = {PageCount(4096)}};
const FakeOptions kThreeNodes{.nodes = {PageCount(256), PageCount(300), PageCount(512)},
                              .gap_between_nodes = PageCount(11),
                              .first_frame = Pfn(64),
                              .commit_unit = PageCount(16),
                              .huge_pages = PageCount(16)};

void nothing(FaultArena&) {}
void comb_of_4(FaultArena& arena) { arena.make_comb(4); }
/// A comb, all of whose free memory was given back to the system.
void trimmed_comb_of_64(FaultArena& arena) {
  arena.make_comb(64);
  arena.allocator.trim();
}
void always_map(FaultArena& arena) { arena.allocator.set_always_map(Trigger::always()); }
/// A mapped compound was freed and waits for its shootdown, so that a retry has something to do.
void pending(FaultArena& arena) {
  arena.must({.size = pages(900), .contiguity = Contiguity::never});
  arena.free_at(0);
}

const Scenario kScenarios[] = {
    {"ColdSingleFrame", kOneNode, nothing, {.size = pages(1), .zero = Zero::yes}},
    {"ColdContiguous", kOneNode, nothing, {.size = pages(300)}},
    {"ColdAligned", kOneNode, nothing, {.size = pages(33), .alignment = pages(128)}},
    {"ColdMapped", kOneNode, nothing, {.size = pages(300), .contiguity = Contiguity::never}},
    {"MappedOfManyRuns", kOneNode, comb_of_4, {.size = pages(101)}},
    {"MappedOfManyUncommittedRuns", kOneNode, trimmed_comb_of_64, {.size = pages(450)}},
    {"ZeroedContiguous", kOneNode, nothing, {.size = pages(64), .zero = Zero::yes}},
    {"ZeroedMapped", kOneNode, comb_of_4, {.size = pages(77), .zero = Zero::yes}},
    {"ZeroedMappedPartlyFresh",
     kOneNode,
     trimmed_comb_of_64,
     {.size = pages(450), .zero = Zero::yes}},
    {"Huge", kHuge, nothing, {.size = pages(1500), .contiguity = Contiguity::never}},
    {"Spread", kThreeNodes, nothing, {.size = pages(200), .placement = Placement::spread()}},
    {"OnANode", kThreeNodes, comb_of_4, {.size = pages(90), .placement = Placement::on(1)}},
    {"Forced", kOneNode, always_map, {.size = pages(50)}},
    {"SmallestFirst",
     kOneNode,
     trimmed_comb_of_64,
     {.size = pages(450)},
     RunChoice::smallest_first},
    {"SmallestSufficient",
     kThreeNodes,
     comb_of_4,
     {.size = pages(200), .zero = Zero::yes},
     RunChoice::smallest_sufficient},
    {"WithSomethingPending", kOneNode, pending, {.size = pages(1000)}},
};

Reason reason_of(FakeCall call) {
  switch (call) {
    case FakeCall::map: return Reason::page_tables;
    case FakeCall::charge: return Reason::mappings;
    default: return Reason::backing;
  }
}

void expect_usable(FaultArena& arena, VirtAddr address, const Request& request) {
  const std::uint64_t count = FrameSize(12).pages_for(request.size).value;
  for (std::uint64_t n = 0; n < count; ++n) {
    std::uint64_t seen = 1;
    EXPECT_TRUE(arena.platform.read(n % 4, address + pages(n), seen));
    if (request.zero == Zero::yes) {
      ASSERT_EQ(seen, 0U) << "page " << n;
    }
    EXPECT_TRUE(arena.platform.write((n + 1) % 4, address + pages(n), n + 7));
  }
  for (std::uint64_t n = 0; n < count; ++n) {
    std::uint64_t seen = 0;
    EXPECT_TRUE(arena.platform.read((n + 2) % 4, address + pages(n), seen));
    ASSERT_EQ(seen, n + 7) << "page " << n;
  }
}

/// Makes the request while the k-th call fails. Returns whether there was a k-th call.
bool run_once(const Scenario& scenario, FakeCall call, std::uint64_t k, std::uint64_t& refusals) {
  FaultArena arena(scenario.options, scenario.run_choice);
  scenario.prepare(arena);
  const Figures before(arena);
  arena.platform.fail(call, k);
  auto result = arena.allocator.allocate(scenario.request, testing::kFaultSite);
  const bool failed = arena.platform.has_failed(call);
  arena.platform.fail(call, 0);
  arena.allocator.check();
  EXPECT_EQ(arena.allocator.stats().committed_pages, arena.platform.committed());
  EXPECT_TRUE(result.ok() || failed) << "refused although nothing failed";
  if (result.ok()) {
    arena.live.push_back(result->address);
    expect_usable(arena, result->address, scenario.request);
  } else {
    ++refusals;
    EXPECT_EQ(result.error().reason, reason_of(call));
    EXPECT_EQ(result.error().system_error, call == FakeCall::charge ? 0 : 12);
    EXPECT_EQ(result.error().mappings_needed != 0, call == FakeCall::charge);
    EXPECT_EQ(Figures(arena).numbers, before.numbers) << "a refusal changed something";
    const VirtAddr address = arena.must(scenario.request);
    expect_usable(arena, address, scenario.request);
  }
  arena.finish();
  return failed;
}

struct AllocateFault : ::testing::TestWithParam<std::tuple<Scenario, FakeCall>> {};

TEST_P(AllocateFault, EveryCallMayFail) {
  const auto& [scenario, call] = GetParam();
  std::uint64_t k = 1;
  std::uint64_t refusals = 0;
  for (bool failed = true; failed && !HasFailure(); ++k) {
    SCOPED_TRACE("call number " + std::to_string(k));
    failed = run_once(scenario, call, k, refusals);
  }
  const std::uint64_t failures = k - 2;  // the last run had no k-th call
  if (scenario.name == "Forced") {
    EXPECT_EQ(refusals, 0U) << "what is only forced to be mapped falls back to contiguous memory";
  } else if (scenario.name != "WithSomethingPending") {
    EXPECT_EQ(refusals, failures) << "every failure is a refusal";
  }
  if (scenario.request.contiguity == Contiguity::never && call != FakeCall::decommit) {
    EXPECT_GT(failures, 0U) << "the scenario does not reach this call";
  }
}

std::string name_of_case(const ::testing::TestParamInfo<std::tuple<Scenario, FakeCall>>& info) {
  static constexpr const char* kNames[] = {"Commit", "Decommit", "Map", "Charge", "Metadata"};
  return std::get<0>(info.param).name + kNames[static_cast<int>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(Core, AllocateFault,
                         ::testing::Combine(::testing::ValuesIn(kScenarios),
                                            ::testing::Values(FakeCall::commit, FakeCall::map,
                                                              FakeCall::charge)),
                         name_of_case);

/// Many runs mean many map calls: the loop above must really have gone through them.
TEST(AllocateFaultReach, ManyRunsAreManyCalls) {
  FaultArena arena(kOneNode);
  comb_of_4(arena);
  arena.must({.size = pages(101)});
  EXPECT_EQ(arena.allocator.stats().maps, 26U);
  EXPECT_EQ(arena.platform.mappings_used(), 27U) << "the runs and the guard page";
  arena.finish();
}

}  // namespace
}  // namespace vc
