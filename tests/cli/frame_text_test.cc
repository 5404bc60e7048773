// Tables, widths, progress lines and suggestions.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "tests/cli/scratch.h"
#include "tools/vcompound/common/progress.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/common/suggest.h"
#include "tools/vcompound/common/text_table.h"

namespace vc::tool {
namespace {

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("µs → %"), 6U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U) << "a combining mark takes no column";
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("\xF0\x9F\x98\x80"), 2U);
  EXPECT_EQ(display_width("\xFF\xFE"), 2U) << "malformed bytes count one each";
  EXPECT_EQ(display_width("\xE2\x82"), 2U) << "so do the bytes of a cut sequence";
}

TEST(Printable, ReplacesControlsAndMalformedBytes) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a?[2Jb?");
  EXPECT_EQ(printable("\xC2\x9B"), "?") << "the C1 control sequence introducer";
  EXPECT_EQ(printable("x\xFFy"), "x?y");
  EXPECT_EQ(printable("größe"), "größe");
}

TEST(TextTable, AlignsColumns) {
  TextTable table({{"size"}, {"share", Align::kRight}, {"note"}});
  table.add_row({"1 MiB", "36.5 %", "größer"});
  table.add_row({"8 MiB", "0 %"});
  table.add_row({"16 MiB", "100 %", "x", "dropped"});
  EXPECT_EQ(table.str(2),
            "  size     share  note\n"
            "  ------  ------  ------\n"
            "  1 MiB   36.5 %  größer\n"
            "  8 MiB      0 %\n"
            "  16 MiB   100 %  x\n");
  EXPECT_EQ(table.size(), 3U);
}

TEST(TextTable, LeavesOutEmptyHeadings) {
  TextTable table({{""}, {""}});
  table.add_row({"a", "b"});
  EXPECT_EQ(table.str(), "a  b\n");
}

TEST(Wrapped, BreaksAtBlanksOnly) {
  EXPECT_EQ(wrapped("one two three", 10, 2), "one two\n  three");
  EXPECT_EQ(wrapped("averyveryverylongword b", 8, 1), "averyveryverylongword\n b");
  EXPECT_EQ(wrapped("", 10, 2), "");
  EXPECT_EQ(wrapped("a b", 0, 5), "a\n     b") << "no room: a word for each line";
}

TEST(RenderProgress, ShowsRateAndTimeLeft) {
  const ProgressState state{"filling", 512 * kMiB, kGiB, 2.0, ProgressUnit::kBytes};
  EXPECT_EQ(render_progress(state, 200),
            "filling  [==========>         ]  50 %  512 MiB of 1 GiB  256 MiB/s  2.0 s left");
}

TEST(RenderProgress, HandlesUnknownTotalOvershootAndNarrowTerminals) {
  EXPECT_EQ(render_progress({"x", 1000, 0, 1.0, ProgressUnit::kCount}, 200), "x  1,000  1,000/s");
  const std::string full = render_progress({"x", 9, 3, 1.0, ProgressUnit::kCount}, 200);
  EXPECT_NE(full.find("[====================]  100 %  3 of 3"), std::string::npos) << full;
  EXPECT_EQ(render_progress({"größe", 1, 2, 0, ProgressUnit::kCount}, 3), "grö");
  EXPECT_EQ(render_progress({"x", 1, 2, 0, ProgressUnit::kCount}, 0), "");
}

TEST(Progress, DrawsNothingWhenStderrIsNoTerminal) {
  testing::internal::CaptureStderr();  // a file takes the place of stderr
  {
    Progress progress("filling", 10);
    for (int i = 0; i < 10; ++i) progress.advance();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

/// A terminal in place of stderr; what is drawn on it is kept by the terminal until it is read.
class Terminal {
 public:
  Terminal() : saved_(dup(STDERR_FILENO)) {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = 60;
    if (openpty(&master_, &slave_, nullptr, nullptr, &size) != 0) return;
    dup2(slave_, STDERR_FILENO);
  }
  ~Terminal() {
    restore();
    close(master_);
    close(slave_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  [[nodiscard]] bool ok() const { return master_ >= 0; }
  /// All that was drawn; stderr is what it was before.
  std::string drawn() {
    restore();
    std::string out;
    char buffer[4096];
    fcntl(master_, F_SETFL, O_NONBLOCK);
    for (ssize_t n; (n = read(master_, buffer, sizeof buffer)) > 0;) {
      out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
  }

 private:
  void restore() {
    if (saved_ < 0) return;
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    saved_ = -1;
  }
  int saved_;
  int master_ = -1;
  int slave_ = -1;
};

TEST(Progress, DrawsAtMostTenTimesASecondAndRemovesItsLine) {
  using Clock = std::chrono::steady_clock;
  setenv("TERM", "xterm", 1);
  Terminal terminal;
  if (!terminal.ok()) GTEST_SKIP() << "no pseudo terminal: is /dev/pts mounted?";
  const Clock::time_point start = Clock::now();
  std::uint64_t done = 0;
  {
    Progress progress("filling", 1000000000000);
    while (Clock::now() - start < std::chrono::milliseconds(350)) {
      progress.set(++done);
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const std::string drawn = terminal.drawn();
  std::size_t draws = 0;
  for (std::size_t at = 0; (at = drawn.find("filling", at)) != std::string::npos; ++at) ++draws;
  EXPECT_GE(draws, 1U) << drawn;
  EXPECT_LE(static_cast<double>(draws), seconds * 10);
  EXPECT_TRUE(drawn.ends_with("\r\x1b[K")) << "the line is removed";
}

TEST(Progress, DrawsNothingOnADumbTerminal) {
  setenv("TERM", "dumb", 1);
  Terminal terminal;
  if (!terminal.ok()) GTEST_SKIP() << "no pseudo terminal: is /dev/pts mounted?";
  {
    Progress progress("filling", 2);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(150);
    while (std::chrono::steady_clock::now() < end) progress.set(1);
  }
  EXPECT_EQ(terminal.drawn(), "");
}

TEST(EditDistance, CountsInsertDropReplaceSwap) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("budget", "bugdet"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("replay", "replay"), 0U);
}

TEST(Nearest, SuggestsOnlyWhatIsNear) {
  const std::vector<std::string> verbs = {"availability", "record", "replay", "info"};
  EXPECT_EQ(nearest("reply", verbs), "replay");
  EXPECT_EQ(nearest("avail", verbs), "availability");
  EXPECT_EQ(nearest("recrod", verbs), "record");
  EXPECT_EQ(nearest("xyzzy", verbs), "");
  EXPECT_EQ(nearest("", verbs), "");
  EXPECT_EQ(nearest("--x", {"-h"}), "") << "nothing of the candidate would be left";
}

}  // namespace
}  // namespace vc::tool
