// The child that opens the peer and replays.
#include "bench/compare/rows/replay_trial.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "bench/compare/child.h"
#include "bench/compare/measure.h"
#include "bench/compare/rows/replay_memory.h"

namespace vc::compare {

namespace {

/// A replay that takes longer does not serve.
constexpr unsigned kLimitSeconds = 20;
constexpr std::size_t kSamples = 32;

/// A block that is alive.
struct Block {
  char* data;
  std::uint64_t size;
};

/// The word for a page: no other page of the trace has the same.
std::uint64_t marker(std::uint64_t object, std::uint64_t offset) {
  return (object << 32 | offset / kReplayFrame) * 0x9E3779B97F4A7C15 + 1;
}

/// Calls f(address, word) for every page of a block, and for its last word where that is apart.
template <class Function>
bool for_each_page(const Block& block, std::uint64_t object, Function&& f) {
  const std::uint64_t last = block.size - sizeof(last);
  for (std::uint64_t offset = 0; offset <= last; offset += kReplayFrame) {
    if (!f(block.data + offset, marker(object, offset))) return false;
  }
  return last % kReplayFrame < sizeof(last) || f(block.data + last, ~marker(object, last));
}

void touch(const Block& block, std::uint64_t object) {
  for_each_page(block, object, [](char* at, std::uint64_t word) {
    std::memcpy(at, &word, sizeof(word));
    return true;
  });
}

bool is_intact(const Block& block, std::uint64_t object) {
  return for_each_page(block, object, [](const char* at, std::uint64_t word) {
    return std::memcmp(at, &word, sizeof(word)) == 0;
  });
}

/// One child's work.
class Replayer {
 public:
  Replayer(const ReplaySteps& steps, ReplayOutcome& outcome)
      : steps_(steps), outcome_(outcome), blocks_(make_blocks(steps.objects)) {
    // Read once, so that no page of the steps faults while the time is taken.
    for (const ReplayStep& step : steps_.all) use(const_cast<ReplayStep*>(&step));
    every_ = std::max<std::size_t>(1, steps_.all.size() / kSamples);
  }

  void run(const Peer& peer, const HeldMemory& before, Contents contents) {
    with_calls(peer, [&](const auto& calls) {
      if (contents == Contents::kNone) timed<false>(calls);
      if (contents == Contents::kTouched) timed<true>(calls);
      if (contents == Contents::kChecked) checked(calls, peer, before);
    });
  }

 private:
  /// Outside of every heap, and with memory behind it.
  static Block* make_blocks(std::uint64_t count) {
    void* memory = mmap(nullptr, (count + 1) * sizeof(Block), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) _exit(1);
    return static_cast<Block*>(memory);
  }

  template <bool kTouch, class Calls>
  void timed(const Calls& calls) {
    const std::uint64_t start = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    for (const ReplayStep& step : steps_.all) {
      if (step.size == 0) {
        calls.free(blocks_[step.object].data);
        continue;
      }
      auto* data = static_cast<char*>(calls.allocate(step.size));
      if (data == nullptr) return refuse();
      blocks_[step.object].data = data;
      if constexpr (kTouch) touch({data, step.size}, step.object);
    }
    const std::uint64_t spent = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    outcome_.ns_per_step = static_cast<double>(spent) / static_cast<double>(steps_.all.size());
    outcome_.served = Served::kYes;
  }

  template <class Calls>
  void checked(const Calls& calls, const Peer& peer, const HeldMemory& before) {
    for (std::size_t i = 0; i < steps_.all.size(); ++i) {
      const ReplayStep& step = steps_.all[i];
      Block& block = blocks_[step.object];
      if (step.size == 0) {
        if (!is_intact(block, step.object)) return overwritten();
        calls.free(block.data);
        block.data = nullptr;
      } else {
        block = {static_cast<char*>(calls.allocate(step.size)), step.size};
        if (block.data == nullptr) return refuse();
        touch(block, step.object);
      }
      if (i == steps_.peak_step || i % every_ == 0) sample(peer, before);
    }
    for (std::uint64_t object = 0; object < steps_.objects; ++object) {
      const Block& block = blocks_[object];
      if (block.data != nullptr && !is_intact(block, object)) return overwritten();
    }
    outcome_.served = Served::kYes;
  }

  void sample(const Peer& peer, const HeldMemory& before) {
    outcome_.held = std::max(outcome_.held, held_by(peer, before));
    if (peer.arena != nullptr) outcome_.metadata = peer.arena->metadata_resident().value;
  }

  void refuse() { outcome_.served = Served::kRefused; }
  void overwritten() { outcome_.served = Served::kOverwritten; }

  const ReplaySteps& steps_;
  ReplayOutcome& outcome_;
  Block* blocks_;
  std::size_t every_ = 1;
};

/// What a peer prints is not for our reader.
void silence() {
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return;
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
}

void copy_text(char* to, std::size_t size, const std::string& text) {
  std::snprintf(to, size, "%s", text.c_str());
}

void tell_of_peer(const Peer& peer, std::uint64_t budget, ReplayOutcome& outcome) {
  copy_text(outcome.version, sizeof(outcome.version), peer.version);
  const bool tells_usable = peer.usable != 0 && peer.usable < budget;
  outcome.tells_metadata = peer.arena != nullptr || tells_usable;
  if (peer.arena == nullptr && tells_usable) outcome.metadata = budget - peer.usable;
}

void work(const std::string& name, const ReplaySteps& steps, std::uint64_t budget,
          Contents contents, ReplayOutcome& outcome) {
  alarm(kLimitSeconds);
  silence();
  Replayer replayer(steps, outcome);
  const HeldMemory before = held_memory();
  const std::uint64_t start = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  const Opened opened = open_peer(name, {.budget = budget});
  outcome.open_ns = static_cast<double>(nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start);
  if (const auto* reason = std::get_if<std::string>(&opened)) {
    outcome.served = Served::kNotOpened;
    copy_text(outcome.reason, sizeof(outcome.reason), *reason);
    return;
  }
  const Peer& peer = std::get<Peer>(opened);
  tell_of_peer(peer, budget, outcome);
  replayer.run(peer, before, contents);
}

/// Memory with pages of one kind behind it, held until the process ends.
bool take(std::uint64_t bytes, int advice) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  madvise(memory, bytes, advice);  // a kernel without huge pages refuses: fine
  for (std::uint64_t at = 0; at < bytes; at += kReplayFrame) {
    static_cast<volatile char*>(memory)[at] = 1;
  }
  return true;
}

}  // namespace

ReplayOutcome replay_once(const std::string& peer, const ReplaySteps& steps, std::uint64_t budget,
                          Contents contents) {
  SharedWithChild<ReplayOutcome> shared;
  const int status = in_child([&] { work(peer, steps, budget, contents, *shared); });
  ReplayOutcome outcome = *shared;
  if (status != 0) outcome.served = Served::kDied;
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  return outcome;
}

void warm_up_machine(std::uint64_t bytes) {
  static_cast<void>(
      in_child([&] { return take(bytes, MADV_HUGEPAGE) && take(bytes, MADV_NOHUGEPAGE); }));
}

std::string why_not(const ReplayOutcome& outcome) {
  switch (outcome.served) {
    case Served::kYes: return "";
    case Served::kRefused: return "an allocation was refused";
    case Served::kNotOpened: return outcome.reason;
    case Served::kOverwritten: return "memory of one block was written by another";
    case Served::kDied: break;
  }
  if (outcome.signal != SIGALRM) return "the process died";
  return "the replay took longer than " + std::to_string(kLimitSeconds) + " s";
}

}  // namespace vc::compare
