// What a user of the kernel's memory says when it is refused.
#include <gtest/gtest.h>

#include <string>

#include "kernel/users/user_memory.h"
#include "vcompound/instance/fake_arena.h"

namespace vc::kernel {
namespace {

TEST(Refusal, NamesTheUserTheSizeAndTheReason) {
  FakePlatform::set_cpu(0);
  FakeArena arena;
  const Bytes size(std::uint64_t{8} << 20);
  const auto result = arena.allocator.allocate({.size = size}, CallSite::here());
  ASSERT_FALSE(result.ok()) << "8 MiB of 4";
  char buffer[512];
  TextWriter out(buffer, sizeof buffer);
  describe_refusal("connection table", size, result.error(), out);
  EXPECT_EQ(std::string(out.c_str()).rfind("connection table: 8 MiB refused: ", 0), 0U)
      << out.c_str();
  EXPECT_NE(std::string(out.c_str()).find("4 MiB"), std::string::npos) << out.c_str();
  EXPECT_FALSE(out.truncated());
}

}  // namespace
}  // namespace vc::kernel
