// Random operations on an arena, each judged by what the naive observer knows (arena_state.h).
#pragma once

#include <iterator>

#include "tests/model/arena_judge.h"

namespace vc::testing {

class ArenaModel : public ArenaJudge {
 public:
  ArenaModel(const ModelOptions& options, std::uint64_t seed) : ArenaJudge(options, seed) {}

  void step() {
    switch (random.below(32)) {
      case 0: switch_cpu(); break;
      case 1: switch_blocking(); break;
      case 2: switch_always_map(); break;
      case 3: switch_injection(); break;
      case 4: switch_site(); break;
      case 5: reclaim(); break;
      case 6: misuse(); break;
      case 7: reference(); break;
      case 8: plan_failure(); break;
      default: random.below(100) < allocate_percent_ ? allocate() : free(); break;
    }
    if (random.below(300) == 0) allocate_percent_ = 40 + random.below(30);
    if (++steps_ % options_.check_every == 0) check();
    if (steps_ % 16 == 0 && can_block()) compare_figures();
  }

  /// Everything comes back: frames, mappings, translations.
  void finish() {
    FakePlatform::set_no_block(false);
    forget_failures();
    while (!empty()) free_one(any_owned());
    a.reclaim();
    check();
    compare_figures();
    const Stats s = a.stats();
    EXPECT_EQ(s.free_pages.value, total);
    EXPECT_EQ(p.mappings_used(), 0U);
    EXPECT_EQ(p.mapped_huge() + p.mapped_small(), PageCount(0));
    std::uint64_t free_in_runs = 0;
    a.for_each_free_run([&](std::uint32_t, PfnRange run) { free_in_runs += run.count.value; });
    EXPECT_EQ(free_in_runs, total);
    a.trim();
    check();
  }

 private:
  // ---- allocation ---------------------------------------------------------------------------

  Request any_request() {
    Request r;
    const std::uint64_t pages = skewed(random, options_.largest_request_pages);
    const std::uint64_t frame = frame_size.bytes().value;
    r.size = Bytes((pages - 1) * frame + 1 + random.below(frame));
    if (random.below(6) == 0) r.alignment = Bytes(1ULL << random.below(frame_size.shift() + 9));
    r.contiguity = static_cast<Contiguity>(random.below(3));
    if (random.below(3) != 0) r.contiguity = Contiguity::preferred;
    r.zero = Zero(random.below(3) == 0);
    r.may_block = MayBlock(random.below(8) != 0);
    if (random.below(6) == 0) {
      r.placement = Placement::on(static_cast<std::uint32_t>(random.below(p.node_count())));
    }
    if (random.below(8) == 0 && r.contiguity != Contiguity::required) {
      r.placement = Placement::spread();
    }
    if (random.below(40) == 0) make_invalid(r);
    return r;
  }

  void make_invalid(Request& r) {
    switch (random.below(6)) {
      case 0: r.size = Bytes(0); break;
      case 1: r.size = Bytes(~std::uint64_t{0} - random.below(5000)); break;
      case 2: r.alignment = Bytes(24); break;
      case 3: r.alignment = Bytes(1ULL << 31); break;
      case 4: r.placement = Placement::on(p.node_count()); break;
      default:
        r.size = Bytes(1);
        r.max_loss = Bytes(10);
        break;
    }
  }

  CallSite any_site() { return {"model", random.below(80) + 1}; }

  void allocate() {
    const Request request = any_request();
    const bool plain = request.contiguity == Contiguity::preferred && request.alignment.value == 0;
    if (plain && random.below(3) == 0) {
      const Allocation hot = a.allocate_hot(request.size, any_site());
      if (hot.pages.value != 0) {
        EXPECT_EQ(hot.pages, frame_size.pages_for(request.size));
        adopt(hot);
      }
      return;
    }
    Error forecast;
    const bool asked = random.below(3) == 0;
    if (asked) forecast = a.can_allocate(request);
    auto result = a.allocate(request, any_site());
    if (result.ok()) {
      judge_success(request, *result);
    } else {
      judge_refusal(request, result.error());
    }
    if (!asked || injecting_ || failing_) return;
    if (forecast.reason == Reason::none) {
      EXPECT_TRUE(result.ok()) << "can_allocate said yes: " << describe(request, result.error());
    } else if (forecast.reason != Reason::mappings && forecast.reason != Reason::address_space &&
               request.may_block == MayBlock::yes && can_block()) {
      EXPECT_FALSE(result.ok()) << "can_allocate said no: " << describe(request, forecast);
    }
  }

  // ---- free ---------------------------------------------------------------------------------

  void free() {
    if (!empty()) free_one(any_owned());
  }

  void free_one(Owned& owned) {
    const VirtAddr address = owned.what.address;
    verify_contents(owned);
    for (; owned.references > 1; --owned.references) {
      EXPECT_EQ(a.free(address), Misuse::still_referenced);
      ++misuses;
      EXPECT_EQ(a.put(address), Misuse::none);
    }
    EXPECT_EQ(random.below(2) == 0 ? a.free(address) : a.put(address), Misuse::none);
    disown(address);
  }

  void reference() {
    if (empty()) return;
    Owned& owned = any_owned();
    EXPECT_EQ(a.get(owned.what.address), Misuse::none);
    EXPECT_EQ(a.references(owned.what.head), ++owned.references);
  }

  void misuse() {
    Misuse expected = Misuse::none;
    VirtAddr address{};
    const std::uint64_t what = random.below(4);
    if (what == 0) {
      address = VirtAddr(random.next());
      if (covering(address) != nullptr) return;
    } else if (what == 1) {
      address = VirtAddr(any_freed());  // 0, which is foreign, if nothing was ever freed
      if (covering(address) != nullptr) expected = Misuse::interior;
    } else if (!empty()) {
      const Owned& owned = any_owned();
      const std::uint64_t n = random.below(owned.what.pages.value);
      address = page(owned, n) + Bytes(what == 2 ? 1 : 0);
      expected = what == 2 ? Misuse::misaligned : Misuse::interior;
      if (what == 3 && n == 0) return;
    } else {
      return;
    }
    const Misuse got = random.below(2) == 0   ? a.free(address)
                       : random.below(2) == 0 ? a.put(address)
                                              : a.get(address);
    ++misuses;
    EXPECT_NE(got, Misuse::none);
    if (expected != Misuse::none) {
      EXPECT_EQ(got, expected) << name_of(got);
    } else {
      EXPECT_TRUE(got != Misuse::interior && got != Misuse::still_referenced) << name_of(got);
    }
  }

  // ---- everything else ----------------------------------------------------------------------

  void switch_cpu() { FakePlatform::set_cpu(random.below(8) == 0 ? kNoSlot : any_cpu()); }
  void switch_blocking() { FakePlatform::set_no_block(random.below(4) == 0); }

  void switch_always_map() {
    const Trigger triggers[] = {Trigger::off(),          Trigger::off(),    Trigger::always(),
                                Trigger::per_mille(300), Trigger::every(3), Trigger::nth(2)};
    a.set_always_map(triggers[random.below(std::size(triggers))]);
  }
  void switch_injection() {
    const Trigger triggers[] = {Trigger::off(), Trigger::off(), Trigger::per_mille(200),
                                Trigger::nth(3)};
    const Trigger trigger = triggers[random.below(std::size(triggers))];
    a.set_injection(trigger);
    injecting_ = trigger.mode != Trigger::Mode::off;
  }
  void switch_site() { a.set_site_forced(any_site(), random.below(3) == 0); }

  void plan_failure() {
    if (!options_.failures) return;
    forget_failures();
    const FakeCall calls[] = {FakeCall::commit, FakeCall::map, FakeCall::charge,
                              FakeCall::decommit};
    if (random.below(2) == 0) return;
    p.fail(calls[random.below(std::size(calls))], 1 + random.below(6));
    failing_ = true;
  }
  void forget_failures() {
    for (const FakeCall call :
         {FakeCall::commit, FakeCall::map, FakeCall::charge, FakeCall::decommit}) {
      p.fail(call, 0);
    }
    failing_ = false;
  }

  void reclaim() {
    if (!can_block()) return;
    switch (random.below(4)) {
      case 0: a.poll(); return;
      case 1: a.drain_near(); return;
      case 2: a.reclaim(); break;
      default: a.trim(); break;
    }
    const Stats s = a.stats();
    EXPECT_EQ(s.free_pages.value, available()) << "reclaim left something behind";
  }

  std::uint64_t allocate_percent_ = 60;
  std::uint64_t steps_ = 0;
};

/// Runs the model for each seed, with one choice of runs after the other.
inline void run_arena_model(ModelOptions options, std::uint64_t seed_count,
                            std::uint64_t step_count) {
  for_each_seed(seed_count, [&](std::uint64_t seed) {
    options.allocator.run_choice = RunChoice(seed % 3);
    ArenaModel model(options, seed);
    for (std::uint64_t i = 0, end = steps(step_count); i < end; ++i) {
      SCOPED_TRACE("step " + std::to_string(i));
      model.step();
      if (::testing::Test::HasFailure()) return;
    }
    model.finish();
  });
}

}  // namespace vc::testing
