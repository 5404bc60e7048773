// DPDK's rte_malloc in a fixed heap: the environment layer is started with that much memory and
// without huge pages, devices and files. Its heap does not grow in this mode; rte_malloc's own
// statistics prove it.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "bench/compare/peers/budget.h"

namespace vc::compare {

namespace {

constexpr const char* kName = "dpdk";

/// What rte_malloc_get_socket_stats fills in.
struct HeapStatistics {
  std::size_t total_bytes;
  std::size_t free_bytes;
  std::size_t largest_free;
  unsigned free_count;
  unsigned used_count;
  std::size_t used_bytes;
};

struct Functions {
  int (*init)(int, char**);
  void* (*allocate)(const char*, std::size_t, unsigned alignment);
  void (*free)(void*);
  int (*statistics)(int socket, HeapStatistics*);
  const char* (*version)();
};

Functions dpdk{};

/// Everything written to standard output meanwhile is lost: rows write their figures there.
class QuietOutput {
 public:
  QuietOutput() : saved_((std::fflush(stdout), dup(STDOUT_FILENO))) {
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0) return;
    dup2(nowhere, STDOUT_FILENO);
    close(nowhere);
  }
  ~QuietOutput() {
    std::fflush(stdout);
    dup2(saved_, STDOUT_FILENO);
    close(saved_);
  }
  QuietOutput(const QuietOutput&) = delete;
  QuietOutput& operator=(const QuietOutput&) = delete;

 private:
  int saved_;
};

std::size_t first_cpu(const cpu_set_t& cpus) {
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &cpus)) return cpu;
  }
  return 0;
}

/// Starts the layer. It binds the calling thread to one processor; that is undone.
bool start(std::uint64_t budget) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  sched_getaffinity(0, sizeof(cpus), &cpus);
  std::vector<std::string> words{"compare",
                                 "--no-huge",
                                 "-m",
                                 std::to_string(budget >> 20),
                                 "--no-pci",
                                 "--no-shconf",
                                 "--no-telemetry",
                                 "--iova-mode=va",
                                 "--log-level=1",
                                 "--lcores=0@" + std::to_string(first_cpu(cpus))};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  int result = 0;
  {
    const QuietOutput quiet;
    result = dpdk.init(static_cast<int>(arguments.size()), arguments.data());
  }
  sched_setaffinity(0, sizeof(cpus), &cpus);
  return result >= 0;
}

bool load(Library& library) {
  dpdk.init = library.symbol<int(int, char**)>("rte_eal_init");
  dpdk.allocate = library.symbol<void*(const char*, std::size_t, unsigned)>("rte_malloc");
  dpdk.free = library.symbol<void(void*)>("rte_free");
  dpdk.statistics = library.symbol<int(int, HeapStatistics*)>("rte_malloc_get_socket_stats");
  dpdk.version = library.symbol<const char*()>("rte_version");
  return library.complete();
}

std::uint64_t heap_bytes() {
  HeapStatistics statistics{};
  return dpdk.statistics(0, &statistics) == 0 ? statistics.total_bytes : 0;
}

Opened open_dpdk(const Setting& setting) {
  if (setting.huge_pages) return "it is started without huge pages here: a pool would be needed";
  Library library("librte_eal.so.23");
  if (!load(library)) return library.reason();
  const std::uint64_t budget = budget_of(setting);
  if (!start(budget)) return "rte_eal_init refused to start here";
  const std::uint64_t before = heap_bytes();
  Peer peer{.name = kName, .version = dpdk.version()};
  peer.allocate = [](std::size_t bytes) {
    return dpdk.allocate(nullptr, bytes, 0);
  };
  peer.free = dpdk.free;
  peer.usable = usable_by_trial(peer, setting);
  if (heap_bytes() != before || before > budget) return "its heap did not stay within the budget";
  peer.remark = "a fixed heap, --no-huge";
  return peer;
}

const PeerRegistration registration{kName, {.open = open_dpdk}};

}  // namespace

}  // namespace vc::compare
