// In a real memory control group that is too small: errors, never a kill.
#include <filesystem>
#include <fstream>
#include <string>

#include "linux_platform_testing.h"

namespace vc::testing {
namespace {

constexpr std::uint64_t kLimit = 64ULL << 20;

/// A control group with a limit of 64 MiB, made for one test and removed with it.
class SmallGroup {
 public:
  SmallGroup() {
    // Version 1 where the memory controller has a hierarchy of its own, else version 2.
    if (try_folder("/sys/fs/cgroup/memory/", "memory.limit_in_bytes")) return;
    try_folder("/sys/fs/cgroup/", "memory.max");
  }
  ~SmallGroup() {
    if (!folder_.empty()) ::rmdir(folder_.c_str());
  }
  SmallGroup(const SmallGroup&) = delete;
  SmallGroup& operator=(const SmallGroup&) = delete;

  bool usable() const { return !folder_.empty(); }
  /// Moves the calling process in.
  bool enter() const { return write(folder_ + "/cgroup.procs", std::to_string(::getpid())); }

 private:
  static bool write(const std::string& path, const std::string& text) {
    if (!std::filesystem::exists(path)) return false;
    std::ofstream file(path);
    file << text << std::flush;
    return file.good();
  }
  bool try_folder(const std::string& parent, const char* limit_file) {
    const std::string folder = parent + "vcompound_test_" + std::to_string(::getpid());
    if (::mkdir(folder.c_str(), 0755) != 0) return false;
    if (write(folder + "/" + limit_file, std::to_string(kLimit))) {
      folder_ = folder;
      return true;
    }
    ::rmdir(folder.c_str());
    return false;
  }

  std::string folder_;
};

#define VC_NEED_GROUP(group)                                                        \
  if (!(group).usable()) {                                                          \
    GTEST_SKIP() << "no control group can be made here (needs root and a writable " \
                    "/sys/fs/cgroup with the memory controller)";                   \
  }

LinuxOptions of(Bytes budget) {
  LinuxOptions options;
  options.budget = budget;
  return options;
}

TEST(LinuxPlatformGroup, ABudgetAboveTheLimitIsRefused) {
  const SmallGroup group;
  VC_NEED_GROUP(group);
  const ChildEnd end = run_in_child([&] {
    if (!group.enter()) return 1;
    const auto made = LinuxPlatform::create(of(kMiB * 128));
    if (made.ok()) return 2;
    if (made.error().reason != Reason::backing) return 3;
    return made.error().limit == Bytes(kLimit) ? 0 : 4;
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
}

TEST(LinuxPlatformGroup, PrecommitAboveTheLimitIsAnErrorNotAKill) {
  const SmallGroup group;
  VC_NEED_GROUP(group);
  const ChildEnd end = run_in_child([&] {
    if (!group.enter()) return 1;
    LinuxOptions options = of(kMiB * 128);
    options.precommit = LinuxOptions::Precommit::yes;
    options.overcommit = LinuxOptions::Overcommit::yes;
    const auto made = LinuxPlatform::create(options);
    return !made.ok() && made.error().reason == Reason::backing ? 0 : 2;
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
}

/// Commits unit by unit until refused; the number of units, or -1 for a wrong refusal.
int commit_until_refused(LinuxPlatform& platform) {
  int units = 0;
  for (Pfn pfn(0); platform.frames().contains(pfn); pfn += kUnit) {
    const PlatformStatus status = platform.commit({pfn, kUnit});
    if (!status.ok()) return status.reason == Reason::backing ? units : -1;
    byte_at(direct_address(platform, pfn + PageCount(511))) = 1;
    ++units;
  }
  return units;
}

TEST(LinuxPlatformGroup, LazyCommitBeyondTheLimitIsAnErrorNotAKill) {
  const SmallGroup group;
  VC_NEED_GROUP(group);
  for (const auto huge : {LinuxOptions::Huge::collapse, LinuxOptions::Huge::never}) {
    const ChildEnd end = run_in_child([&] {
      if (!group.enter()) return 101;
      LinuxOptions options = of(kMiB * 256);
      options.overcommit = LinuxOptions::Overcommit::yes;
      options.huge = huge;
      auto made = LinuxPlatform::create(options);
      if (!made.ok()) return 102;
      LinuxPlatform& platform = *made.value();
      const int units = commit_until_refused(platform);
      if (units < 16) return 103;  // at least half of the limit is usable
      if (units > 32) return 104;  // more than the limit
      if (platform.statistics().committed.value != static_cast<std::uint64_t>(units) << 21) {
        return 105;
      }
      // What is given back can be taken again.
      if (!platform.decommit({Pfn(0), kUnit * 8}).ok()) return 106;
      return platform.commit({Pfn(0), kUnit}).ok() ? 0 : 107;
    });
    EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
  }
}

TEST(LinuxPlatformGroup, ABudgetWithinTheLimitWorks) {
  const SmallGroup group;
  VC_NEED_GROUP(group);
  const ChildEnd end = run_in_child([&] {
    if (!group.enter()) return 1;
    LinuxOptions options = of(kMiB * 16);
    options.precommit = LinuxOptions::Precommit::yes;
    auto made = LinuxPlatform::create(options);
    if (!made.ok()) return 2;
    return made.value()->statistics().committed == kMiB * 16 ? 0 : 3;
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
}

}  // namespace
}  // namespace vc::testing
