// main() of every benchmark program.
#include "bench/harness.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

/// jemalloc and mimalloc want more static thread-local storage than glibc sets aside for libraries
/// that are loaded late. The setting is read at the start of a process, so it is made and the
/// program starts once more. It changes nothing else in glibc.
void reserve_thread_storage(char** argv) {
  static constexpr const char* kSetting = "glibc.rtld.optional_static_tls=16384";
  const char* old = std::getenv("GLIBC_TUNABLES");
  if (old != nullptr && std::strstr(old, kSetting) != nullptr) return;
  const std::string all = old == nullptr ? kSetting : std::string(old) + ":" + kSetting;
  setenv("GLIBC_TUNABLES", all.c_str(), 1);
  execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  reserve_thread_storage(argv);
  vc::bench::verify_peers();

  std::string interleave = "--benchmark_enable_random_interleaving=true";
  std::string repetitions = "--benchmark_repetitions=9";
  std::string aggregates = "--benchmark_display_aggregates_only=true";
  std::vector<char*> arguments{argv[0], interleave.data(), repetitions.data(), aggregates.data()};
  for (int i = 1; i < argc; ++i) arguments.push_back(argv[i]);
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  benchmark::AddCustomContext("glibc", vc::bench::glibc_calls().version);
  benchmark::AddCustomContext("mimalloc", vc::bench::mimalloc_calls().version);
  benchmark::AddCustomContext("jemalloc", vc::bench::jemalloc_calls().version);
  vc::bench::register_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
