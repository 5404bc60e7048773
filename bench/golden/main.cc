// golden_paths: runs fast paths of the library, one after the other, for scripts/golden.sh.
//
// Usage: golden_paths [COUNT [PATH…]]     each path 2 COUNT times to warm up, then COUNT times,
// then
//                                         2 COUNT times (default: 64, all paths)
//        golden_paths --list              the names of the paths
//        golden_paths --build             what built it, and what it runs on that counts
//
// What the last two runs of a path differ by is what COUNT operations cost: whatever happens once
// in a run cancels out.
#include <gnu/libc-version.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "bench/golden/paths.h"
#include "vcompound/platform/linux/slots/restartable.h"

namespace vc::golden {

namespace {

constexpr std::uint64_t kDefaultCount = kMostCount / 2;

/// Without it each entry into the cache costs a full barrier.
bool has_membarrier() {
  const long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0U, 0);
  return commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
}

int print_build() {
  utsname system{};
  uname(&system);
  std::printf("%s %s glibc %s%s\n", VC_GOLDEN_BUILD, system.machine, gnu_get_libc_version(),
              has_membarrier() ? "" : " without membarrier");
  return 0;
}

int print_names() {
  for (const Path& path : paths()) std::puts(path.name);
  return 0;
}

/// Runs the named paths; all when there are no names.
int run(std::uint64_t count, const std::vector<std::string_view>& names) {
  for (const std::string_view name : names) {
    const auto has_name = [&](const Path& path) {
      return path.name == name;
    };
    if (std::ranges::none_of(paths(), has_name)) {
      std::fprintf(stderr, "golden_paths: no path %s; see --list\n", name.data());
      return 2;
    }
  }
  os::simulate_sequences();  // valgrind's processor has no rseq(2)
  open_arenas();
  for (const Path& path : paths()) {
    const bool wanted = names.empty() || std::ranges::find(names, path.name) != names.end();
    if (!wanted) continue;
    for (const std::uint64_t times : {2 * count, count, 2 * count}) path.run(times);
  }
  close_arenas();
  return 0;
}

int main_of(const std::vector<std::string_view>& arguments) {
  if (arguments.empty()) return run(kDefaultCount, {});
  if (arguments[0] == "--build") return print_build();
  if (arguments[0] == "--list") return print_names();
  const std::uint64_t count = std::strtoull(arguments[0].data(), nullptr, 10);
  if (count == 0 || 2 * count > kMostCount) {
    std::fprintf(stderr, "golden_paths: COUNT is 1 to %llu\n",
                 static_cast<unsigned long long>(kMostCount / 2));
    return 2;
  }
  return run(count, {arguments.begin() + 1, arguments.end()});
}

}  // namespace

}  // namespace vc::golden

int main(int argc, char** argv) { return vc::golden::main_of({argv + 1, argv + argc}); }
