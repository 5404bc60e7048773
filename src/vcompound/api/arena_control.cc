#include "vcompound/api/arena_control.h"

#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

namespace vc::detail {

namespace {

/// The caches of no arena. They were never opened, so they answer nothing.
constinit ArenaCaches no_caches;

/// All control blocks of the process. Leaked on purpose: handles may be destroyed after main().
struct Registry {
  std::mutex lock;
  std::vector<std::unique_ptr<ArenaControl>> blocks;
};

Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

// The lock is held across fork(), so that the child finds the list whole.
void before_fork() { registry().lock.lock(); }
void after_fork_in_parent() { registry().lock.unlock(); }
void after_fork_in_child() {
  for (const auto& block : registry().blocks) {
    if (auto* allocator = allocator_of(block.get())) {
      allocator->close("the arena belongs to the parent process; make one after fork()");
    }
  }
  registry().lock.unlock();
}

/// One whole line to stderr by one system call, so that lines of threads do not mix.
void write_line(TextWriter& line) {
  line.character('\n');
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.c_str(), line.length());
}

void write_site(TextWriter& line, CallSite site) {
  if (site.file == nullptr) {
    line.hex(site.where);
  } else {
    line.text(site.file).character(':').number(site.where);
  }
}

void write_suppressed(TextWriter& line, std::uint64_t suppressed) {
  if (suppressed != 0) line.text(" (and ").number(suppressed).text(" more since the last report)");
}

}  // namespace

constinit ArenaLink no_arena{Atomic<ArenaCaches*>(&no_caches)};

ArenaControl::ArenaControl() { caches_.store_release(&no_caches); }

void ArenaControl::begin(LinuxArena* made) {
  arena.store(made, std::memory_order_release);
  caches_.store_release(&made->allocator);
}

LinuxArena* ArenaControl::end() {
  caches_.store_release(&no_caches);
  return arena.exchange(nullptr);
}

bool Throttle::pass(std::uint64_t& suppressed) {
  static constexpr std::int64_t kPeriod = std::chrono::nanoseconds(std::chrono::minutes(1)).count();
  const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  std::int64_t next = next_.load(std::memory_order_relaxed);
  if (now < next || !next_.compare_exchange_strong(next, now + kPeriod)) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  suppressed = suppressed_.exchange(0, std::memory_order_relaxed);
  return true;
}

ArenaControl* new_control() {
  static const int registered =
      pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  static_cast<void>(registered);
  Registry& all = registry();
  const std::lock_guard guard(all.lock);
  all.blocks.push_back(std::make_unique<ArenaControl>());
  return all.blocks.back().get();
}

Misuse handle_misuse(ArenaControl& control, Misuse misuse, const void* pointer) {
  const OnMisuse wish = control.options.on_misuse;
  std::uint64_t suppressed = 0;
  if (wish == OnMisuse::ignore) return misuse;
  if (wish == OnMisuse::report && !control.misuse_reports.pass(suppressed)) return misuse;
  char buffer[320];
  TextWriter line(buffer, sizeof buffer - 1);
  line.text("vcompound: ").text(name_of(misuse)).text(" ");
  line.hex(address_of(pointer).value).text(": ").text(advice_for(misuse));
  write_suppressed(line, suppressed);
  write_line(line);
  if (wish == OnMisuse::abort) std::abort();
  return misuse;
}

void warn_of_fallback(ArenaControl& control, std::uint64_t size, CallSite site) {
  std::uint64_t suppressed = 0;
  if (!control.fallback_warnings.pass(suppressed)) return;
  char buffer[320];
  TextWriter line(buffer, sizeof buffer - 1);
  line.text("vcompound: memory is fragmented: ").size(Bytes(size));
  line.text(" were mapped from pieces for ");
  write_site(line, site);
  write_suppressed(line, suppressed);
  write_line(line);
}

}  // namespace vc::detail
