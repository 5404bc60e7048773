// Asking /proc and /sys.
#include "bench/summary/machine.h"

#include <sys/utsname.h>

#include <fstream>
#include <thread>

namespace vc::bench {

namespace {

std::string first_line(const char* path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return in ? line : "unknown";
}

/// The value of the first line "key : value" of a file.
std::string value_of(const char* path, const std::string& key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const std::size_t start = line.find_first_not_of(" \t", line.find(':') + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "unknown";
}

}  // namespace

std::map<std::string, std::string> machine_facts() {
  utsname system{};
  uname(&system);
  return {
      {"cpu", value_of("/proc/cpuinfo", "model name")},
      {"cpus", std::to_string(std::thread::hardware_concurrency())},
      {"memory", value_of("/proc/meminfo", "MemTotal")},
      {"kernel", std::string(system.sysname) + " " + system.release + " " + system.machine},
      {"thp_enabled", first_line("/sys/kernel/mm/transparent_hugepage/enabled")},
      {"thp_shmem_enabled", first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled")},
      {"max_map_count", first_line("/proc/sys/vm/max_map_count")},
      {"load_average_after", first_line("/proc/loadavg")},
  };
}

}  // namespace vc::bench
