// Pointers become dense ids. What is live at one time is bounded, so that no sum of live sizes
// overflows.
#include "tools/trace/trace.h"

#include <algorithm>
#include <bit>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace vc {
namespace {

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t sum = a + b;
  return sum < a ? UINT64_MAX : sum;
}

/// Spreads pointers, which share their low bits, over the buckets.
struct PointerHash {
  std::size_t operator()(std::uint64_t pointer) const {
    pointer ^= pointer >> 32;
    pointer *= 0x9e3779b97f4a7c15ull;
    return pointer ^ (pointer >> 29);
  }
};

class TraceBuilder {
 public:
  explicit TraceBuilder(const TraceReader& reader, Strictness strictness)
      : reader_(reader), strictness_(strictness) {}

  /// Takes one row; false if it is refused (see error()).
  bool add(const TraceEvent& event) {
    ++trace_.counts.rows;
    threads_.insert(event.thread);
    switch (event.action) {
      case TraceAction::kAllocate: return add_allocate(event);
      case TraceAction::kFree: return add_free(event);
      case TraceAction::kAllocateFailure:
        ++trace_.counts.failures;
        push(event, event.action, kNoObject, event.size);
        return true;
    }
    return true;
  }
  const TraceError& error() const { return error_; }
  Trace finish(const std::string& name);

 private:
  struct Live {
    std::uint32_t object;
    std::uint64_t size;
  };

  bool refuse(const std::string& message) {
    error_ = reader_.error_here(message);
    return false;
  }
  /// A row that does not fit: counted, or refused when strict.
  bool irregular(std::uint64_t& counter, const std::string& message) {
    ++counter;
    if (strictness_ == Strictness::kCount) return true;
    return refuse(message + ", which a strict reading refuses; read leniently, it is counted");
  }
  void push(const TraceEvent& event, TraceAction action, std::uint32_t object, std::uint64_t size) {
    trace_.steps.push_back({event.time_us, size, object, event.thread, action});
  }
  bool add_allocate(const TraceEvent& event);
  bool add_free(const TraceEvent& event);

  const TraceReader& reader_;
  Strictness strictness_;
  Trace trace_;
  TraceError error_;
  std::unordered_map<std::uint64_t, Live, PointerHash> live_;
  std::unordered_set<std::uint32_t> threads_;
  std::uint64_t live_bytes_ = 0;  // at most kMaxTraceSize
};

bool TraceBuilder::add_allocate(const TraceEvent& event) {
  if (event.size == 0) {
    ++trace_.counts.zero_sized;
    return true;
  }
  if (event.pointer == 0)
    return refuse(
        "an allocation cannot be at the null pointer; if it failed, "
        "its Action is 'allocate failure'");
  if (event.size > kMaxTraceSize || live_bytes_ + event.size > kMaxTraceSize) {
    return refuse(
        "with these " + std::to_string(event.size) +
        " bytes more is live than any address space holds (2^56 bytes); correct the Size");
  }
  const auto [place, inserted] =
      live_.try_emplace(event.pointer, Live{trace_.object_count, event.size});
  if (!inserted) {
    if (!irregular(trace_.counts.implicit_frees, "an allocation at a pointer that is still live")) {
      return false;
    }
    push(event, TraceAction::kFree, place->second.object, place->second.size);
    live_bytes_ -= place->second.size;
    place->second = {trace_.object_count, event.size};
  }
  push(event, TraceAction::kAllocate, trace_.object_count++, event.size);
  live_bytes_ += event.size;
  ++trace_.counts.allocates;
  return true;
}

bool TraceBuilder::add_free(const TraceEvent& event) {
  const auto place = live_.find(event.pointer);
  if (place == live_.end()) {
    if (event.pointer == 0 || event.size == 0) {
      ++trace_.counts.zero_sized;
      return true;
    }
    return irregular(trace_.counts.frees_unmatched, "a free of a pointer that is not live");
  }
  const Live freed = place->second;
  if (event.size != freed.size &&
      !irregular(trace_.counts.size_mismatches, "a free of " + std::to_string(event.size) +
                                                    " bytes where " + std::to_string(freed.size) +
                                                    " were allocated")) {
    return false;
  }
  live_.erase(place);
  live_bytes_ -= freed.size;
  push(event, TraceAction::kFree, freed.object, freed.size);
  ++trace_.counts.frees;
  return true;
}

/// Statistics that need only one pass over the steps.
void sum_up(const std::vector<TraceStep>& steps, TraceStats& stats) {
  std::uint64_t objects = 0;
  std::uint64_t live = 0;
  std::uint64_t first = UINT64_MAX;
  std::uint64_t last = 0;
  for (const TraceStep& step : steps) {
    first = std::min(first, step.time_us);
    last = std::max(last, step.time_us);
    if (step.action == TraceAction::kFree) {
      --objects;
      live -= step.size;
    }
    if (step.action != TraceAction::kAllocate) continue;
    ++objects;
    live += step.size;
    stats.total_bytes = saturating_add(stats.total_bytes, step.size);
    stats.peak_live_bytes = std::max(stats.peak_live_bytes, live);
    stats.peak_live_objects = std::max(stats.peak_live_objects, objects);
    stats.smallest = stats.smallest == 0 ? step.size : std::min(stats.smallest, step.size);
    stats.largest = std::max(stats.largest, step.size);
    ++stats.by_size_class[static_cast<std::size_t>(std::bit_width(step.size) - 1)];
  }
  stats.left_live_objects = objects;
  stats.left_live_bytes = live;
  stats.duration_us = first <= last ? last - first : 0;
}

Trace TraceBuilder::finish(const std::string& name) {
  trace_.name = name;
  trace_.counts.truncated = reader_.truncated();
  trace_.stats.threads = threads_.size();
  sum_up(trace_.steps, trace_.stats);
  return std::move(trace_);
}

std::optional<Trace> read_all(TraceReader* reader, const std::string& name,
                              const TraceOptions& options, TraceError& error) {
  if (reader == nullptr) return std::nullopt;
  TraceBuilder builder(*reader, options.strictness);
  TraceEvent event;
  for (;;) {
    switch (reader->next(event)) {
      case TraceReader::Status::kEvent:
        if (builder.add(event)) continue;
        error = builder.error();
        return std::nullopt;
      case TraceReader::Status::kEnd: return builder.finish(name);
      case TraceReader::Status::kError: error = reader->error(); return std::nullopt;
    }
  }
}

}  // namespace

std::optional<Trace> load_trace(const std::string& path, const TraceOptions& options,
                                TraceError& error) {
  return read_all(TraceReader::open(path, options, error).get(), path, options, error);
}

std::optional<Trace> parse_trace(std::string_view bytes, const std::string& name,
                                 const TraceOptions& options, TraceError& error) {
  return read_all(TraceReader::from_memory(bytes, name, options, error).get(), name, options,
                  error);
}

std::uint64_t peak_live_pages(const Trace& trace, std::uint64_t frame_bytes) {
  std::uint64_t live = 0;
  std::uint64_t peak = 0;
  for (const TraceStep& step : trace.steps) {
    const std::uint64_t pages = step.size / frame_bytes + (step.size % frame_bytes != 0 ? 1 : 0);
    if (step.action == TraceAction::kFree) live -= pages;
    if (step.action == TraceAction::kAllocate) live += pages;
    peak = std::max(peak, live);
  }
  return peak;
}

bool is_consistent(const Trace& trace) {
  std::vector<std::uint64_t> live(trace.object_count, 0);  // size while live, else 0
  std::uint32_t next_object = 0;
  for (const TraceStep& step : trace.steps) {
    if (step.action == TraceAction::kAllocateFailure) {
      if (step.object != kNoObject) return false;
      continue;
    }
    if (step.object >= trace.object_count || step.size == 0) return false;
    if (step.action == TraceAction::kAllocate) {
      if (step.object != next_object++) return false;
      live[step.object] = step.size;
    } else {
      if (live[step.object] != step.size) return false;
      live[step.object] = 0;
    }
  }
  return next_object == trace.object_count;
}

}  // namespace vc
