// What the naive observer thinks of an answer: was it right to say yes, was it right to say no?
#pragma once

#include <string>

#include "tests/model/arena_state.h"

namespace vc::testing {

/// What a run of the model may do, beside the usual.
struct ModelOptions {
  FakeOptions fake{};
  AllocatorOptions allocator{};
  std::uint64_t largest_request_pages = 400;
  /// Limits of the platform are so far away that `preferred` is never refused but for the budget.
  bool unlimited = true;
  bool failures = false;  ///< platform calls fail now and then
  std::uint64_t check_every = 1;
};

class ArenaJudge : public ArenaState {
 protected:
  ArenaJudge(const ModelOptions& options, std::uint64_t seed)
      : ArenaState(options.fake, options.allocator, seed), options_(options) {}

  void judge_success(const Request& request, const Allocation& got) {
    const PageCount pages = frame_size.pages_for(request.size);
    EXPECT_EQ(got.pages, pages);
    if (request.contiguity == Contiguity::required || (pages.value == 1 && !aligned(request))) {
      EXPECT_EQ(got.kind, Kind::contiguous);
    }
    if (request.contiguity == Contiguity::never && pages.value > 1) {
      EXPECT_EQ(got.kind, Kind::mapped);
    }
    if (request.alignment.value != 0) {
      EXPECT_EQ(got.address.value % request.alignment.value, 0U);
    }
    EXPECT_FALSE(is_invalid(request));
    if (request.zero == Zero::yes) expect_zero(got);
    adopt(got);
  }

  bool aligned(const Request& request) const { return request.alignment > frame_size.bytes(); }
  bool is_invalid(const Request& r) const {
    return r.size.value == 0 || r.size.value >> 47 != 0 || r.alignment.value == 24 ||
           r.alignment.value == 1ULL << 31 || r.max_loss != kAnyLoss ||
           (r.placement.node >= p.node_count() && r.placement.node < Placement::kSpread);
  }

  void judge_refusal(const Request& request, const Error& error) {
    ++refusals[static_cast<std::size_t>(error.reason)];
    const std::string text = describe(request, error);
    EXPECT_EQ(error.requested, request.size);
    EXPECT_EQ(error.free, frame_size.bytes(PageCount(available()))) << text;
    if (is_invalid(request)) {
      const bool loss = request.max_loss != kAnyLoss;
      EXPECT_EQ(error.reason, loss ? Reason::policy : Reason::invalid) << text;
      return;
    }
    if (error.reason == Reason::injected) {
      EXPECT_TRUE(injecting_) << text;
      return;
    }
    const bool too_few = available() < frame_size.pages_for(request.size).value;
    const bool blocking = request.may_block == MayBlock::yes && can_block();
    if (error.reason == Reason::budget) {
      EXPECT_TRUE(too_few) << text;
    } else if (error.reason == Reason::context) {
      EXPECT_FALSE(blocking) << text;
    } else if (error.reason == Reason::fragmentation) {
      EXPECT_TRUE(request.contiguity == Contiguity::required || !blocking) << "promise: " << text;
      EXPECT_FALSE(too_few) << text;
    } else {
      judge_limit(error, text);
    }
  }

  /// A refusal because of the platform: allowed only where there are limits, and proved by figures.
  void judge_limit(const Error& error, const std::string& text) {
    EXPECT_TRUE(!options_.unlimited || failing_) << "promise: " << text;
    if (failing_) return;
    switch (error.reason) {
      case Reason::mappings:
        EXPECT_GT(error.mappings_used + error.mappings_needed, error.mappings_limit) << text;
        break;
      case Reason::address_space: break;
      default: ADD_FAILURE() << text; break;
    }
  }

  std::string describe(const Request& request, const Error& error) const {
    char buffer[300];
    TextWriter out(buffer, sizeof buffer);
    vc::describe(error, out);
    return std::string(buffer) + " [contiguity " +
           std::to_string(static_cast<int>(request.contiguity)) + ", alignment " +
           std::to_string(request.alignment.value) + ", node " +
           std::to_string(request.placement.node) + ", may block " +
           std::to_string(request.may_block == MayBlock::yes && can_block()) + "]";
  }

  ModelOptions options_;
  bool injecting_ = false;  ///< a test setting refuses requests now and then
  bool failing_ = false;    ///< a platform call is about to fail, or has failed
};

}  // namespace vc::testing
