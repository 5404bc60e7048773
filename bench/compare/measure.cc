// perf_event_open, and what stands in for it.
#include "bench/compare/measure.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

namespace vc::compare {

namespace {

enum : std::size_t { kFaults, kCalls, kTlb };

int open_event(std::uint32_t type, std::uint64_t config) {
  perf_event_attr wanted{};
  wanted.size = sizeof(wanted);
  wanted.type = type;
  wanted.config = config;
  wanted.inherit = 1;
  wanted.disabled = 1;
  return static_cast<int>(syscall(SYS_perf_event_open, &wanted, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

/// The number of the tracepoint at the entry of every system call; 0 if it is hidden from us.
std::uint64_t entry_tracepoint() {
  for (const char* path : {"/sys/kernel/tracing/events/raw_syscalls/sys_enter/id",
                           "/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter/id"}) {
    std::FILE* file = std::fopen(path, "re");
    if (file == nullptr) continue;
    unsigned long long id = 0;
    const bool known = std::fscanf(file, "%llu", &id) == 1;
    std::fclose(file);
    if (known) return id;
  }
  return 0;
}

constexpr std::uint64_t kDataTlbReadMisses = PERF_COUNT_HW_CACHE_DTLB |
                                             PERF_COUNT_HW_CACHE_OP_READ << 8 |
                                             PERF_COUNT_HW_CACHE_RESULT_MISS << 16;

std::uint64_t faults_by_usage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt + usage.ru_majflt);
}

}  // namespace

EventCounter::EventCounter() {
  const std::uint64_t tracepoint = entry_tracepoint();
  descriptors_[kFaults] = open_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS);
  descriptors_[kCalls] = tracepoint == 0 ? -1 : open_event(PERF_TYPE_TRACEPOINT, tracepoint);
  descriptors_[kTlb] = open_event(PERF_TYPE_HW_CACHE, kDataTlbReadMisses);
  faults_before_ = faults_by_usage();
  for (const int fd : descriptors_) {
    if (fd >= 0) ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  }
}

EventCounter::~EventCounter() {
  for (const int fd : descriptors_) {
    if (fd >= 0) close(fd);
  }
}

Events EventCounter::stop() {
  for (const int fd : descriptors_) {
    if (fd >= 0) ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  }
  const std::uint64_t faults = faults_by_usage() - faults_before_;
  const auto value = [](int fd) -> std::optional<double> {
    std::uint64_t count = 0;
    if (fd < 0 || read(fd, &count, sizeof(count)) != sizeof(count)) return std::nullopt;
    return static_cast<double>(count);
  };
  Events events{.page_faults = value(descriptors_[kFaults]),
                .system_calls = value(descriptors_[kCalls]),
                .tlb_misses = value(descriptors_[kTlb])};
  if (!events.page_faults) events.page_faults = static_cast<double>(faults);
  // The call that ends the counting of the tracepoint is counted by it.
  if (events.system_calls && *events.system_calls >= 2) *events.system_calls -= 2;
  return events;
}

void report_events(Sink& out, const Case& where, const Events& events, double operations) {
  const auto tell = [&](const char* metric, const std::optional<double>& count, const char* why) {
    if (count) {
      out.figure(where, metric, "count", *count / operations);
    } else {
      out.cannot(where, metric, why);
    }
  };
  tell("page_faults", events.page_faults, "");
  tell("system_calls", events.system_calls,
       "the tracepoint raw_syscalls:sys_enter is not open to this user");
  tell("tlb_misses", events.tlb_misses, "this machine has no counter of TLB misses");
}

}  // namespace vc::compare
