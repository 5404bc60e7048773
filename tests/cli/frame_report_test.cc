// The HTML report: escaping, well-formedness, ticks, pictures, and rendering in a browser.
#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "tests/cli/sample_report.h"
#include "tests/cli/scratch.h"
#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/report/axis.h"
#include "tools/vcompound/report/charts.h"
#include "tools/vcompound/report/report.h"
#include "tools/vcompound/report/svg.h"

namespace vc::tool {
namespace {

using test::run_shell;
using test::sample_report;
using test::ScratchFolder;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// One tag, read from its "<"; `end` is behind its ">", or npos when it is malformed.
struct Tag {
  std::string name;
  bool closes = false;  ///< </name>
  bool empty = false;   ///< <name/>
  std::size_t end = std::string::npos;
};

bool is_name_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; }

std::size_t skip_name(const std::string& page, std::size_t at) {
  while (at < page.size() && is_name_char(page[at])) ++at;
  return at;
}

/// Reads name="value" behind a blank; npos when it is something else.
std::size_t skip_attribute(const std::string& page, std::size_t at) {
  const std::size_t equals = skip_name(page, at);
  if (equals == at || page.compare(equals, 2, "=\"") != 0) return std::string::npos;
  const std::size_t quote = page.find('"', equals + 2);
  const std::size_t angle = page.find('<', equals + 2);
  return quote == std::string::npos || angle < quote ? std::string::npos : quote + 1;
}

Tag read_tag(const std::string& page, std::size_t at) {
  Tag tag;
  tag.closes = page.compare(at, 2, "</") == 0;
  const std::size_t start = at + (tag.closes ? 2 : 1);
  at = skip_name(page, start);
  tag.name = page.substr(start, at - start);
  while (at < page.size() && page[at] == ' ') {
    at = skip_attribute(page, at + 1);
    if (at == std::string::npos) return tag;
  }
  tag.empty = page.compare(at, 2, "/>") == 0;
  if (tag.empty) ++at;
  if (!tag.name.empty() && page.compare(at, 1, ">") == 0) tag.end = at + 1;
  return tag;
}

/// What is wrong with the nesting of tags in `page`; empty when every tag is closed in order.
std::string nesting_error(const std::string& page) {
  std::vector<std::string> open;
  std::size_t at = page.find("<html");
  for (; at != std::string::npos; at = page.find('<', at)) {
    const Tag tag = read_tag(page, at);
    if (tag.end == std::string::npos) return "not a tag: " + page.substr(at, 60);
    at = tag.end;
    if (tag.empty) continue;
    if (!tag.closes) {
      open.push_back(tag.name);
    } else if (open.empty() || open.back() != tag.name) {
      return "</" + tag.name + "> closes nothing before byte " + std::to_string(at);
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> is never closed";
}

/// Whether an attribute of a picture holds a number that is none.
bool has_not_finite(const std::string& page) {
  for (const char* part : {"\"nan", "\"-nan", "\"inf", "\"-inf", " nan", " inf", "Vnan", "Hnan"}) {
    if (page.find(part) != std::string::npos) return true;
  }
  return false;
}

bool has_tool(const char* name) { return run_shell(std::string("command -v ") + name).code == 0; }

std::uint32_t big_endian(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = (value << 8U) | static_cast<unsigned char>(bytes.at(at + i));
  }
  return value;
}

TEST(EscapeHtml, ReplacesMarkup) {
  EXPECT_EQ(escape_html("a<b>&\"c\"'d'"), "a&lt;b&gt;&amp;&quot;c&quot;&#39;d&#39;");
  EXPECT_EQ(escape_html("µs größe 日本 \xF0\x9F\x98\x80"), "µs größe 日本 \xF0\x9F\x98\x80");
  EXPECT_EQ(escape_html("line\nnext\ttab"), "line\nnext\ttab");
}

TEST(EscapeHtml, ReplacesWhatXmlCannotHold) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(escape_html(std::string("\0\x1b\x7f", 3)), bad + bad + bad);
  EXPECT_EQ(escape_html("a\xFF"
                        "b"),
            "a" + bad + "b");
  EXPECT_EQ(escape_html("\xC0\xAF"), bad + bad) << "an overlong slash";
  EXPECT_EQ(escape_html("\xC0\xBC"), bad + bad) << "an overlong <";
  EXPECT_EQ(escape_html("\xED\xA0\x80"), bad + bad + bad) << "a surrogate";
  EXPECT_EQ(escape_html("\xEF\xBF\xBF"), bad + bad + bad) << "U+FFFF";
  EXPECT_EQ(escape_html("\xF4\x90\x80\x80"), bad + bad + bad + bad) << "above U+10FFFF";
  EXPECT_EQ(escape_html("\xE2\x82"), bad + bad) << "a cut sequence";
}

TEST(NestingError, FindsBrokenPages) {
  EXPECT_EQ(nesting_error("<html><p>x</p><br/></html>"), "");
  EXPECT_NE(nesting_error("<html><p>x</html>"), "");
  EXPECT_NE(nesting_error("<html></p></html>"), "");
  EXPECT_NE(nesting_error("<html>a < b</html>"), "");
  EXPECT_NE(nesting_error("<html><p>"), "");
  EXPECT_NE(nesting_error("<html><p class=x></p></html>"), "");
}

TEST(Report, EveryBuildingBlockIsWellFormed) {
  const std::string page = sample_report().html();
  EXPECT_EQ(nesting_error(page), "");
  for (const char* part : {"<figure>", "Figure 4.", "<table>", "<dl>", "<svg "}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST(Report, LoadsNothing) {
  std::string page = sample_report().html();
  for (const char* name : {"http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"}) {
    for (std::size_t at; (at = page.find(name)) != std::string::npos;) {
      page.erase(at, std::string(name).size());
    }
  }
  for (const char* part : {"http", "src=", "href=", "url(", "@import", "<script", "<link", "//"}) {
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  }
}

TEST(Report, HostileTextStaysText) {
  const std::string evil = "</title></style><script>alert(1)</script>\"'&\x01\xFF";
  Report report(evil);
  report.set_subtitle(evil);
  report.set_command(evil);
  report.add_fact(evil, evil);
  report.add_heading(evil);
  report.add_text(evil);
  report.add_figures({{evil, evil, evil}});
  report.add_table({{evil}}, {{evil, evil}, {}}, evil);
  const Axis axis{evil};
  report.add_curves({evil, evil, axis, axis, {{evil, {{1, 2}, {3, 4}}}}});
  report.add_bars({evil, evil, evil, axis, {evil}, {{evil, {1}}}});
  report.add_time_line({evil, evil, axis, {{axis, {{evil, {{1, 2}}}}}}, {{1, evil}}});
  report.add_arena_map({evil, evil, 4096, {ArenaCell()}});
  const std::string page = report.html();
  EXPECT_EQ(nesting_error(page), "");
  EXPECT_EQ(page.find("<script"), std::string::npos);
}

TEST(Report, EmptyPicturesAreWellFormed) {
  Report report("");
  report.set_command("-");
  report.add_figures({});
  report.add_table({}, {}, "");
  report.add_curves({});
  report.add_bars({});
  report.add_time_line({});
  report.add_arena_map({});
  report.add_curves({"t", "", {}, {}, {{"empty", {}}}});
  report.add_bars({"t", "", "", {}, {"group"}, {{"short", {}}}});
  report.add_time_line({"t", "", {}, {{}, {{}, {{"empty", {}}}}}, {}});
  EXPECT_EQ(nesting_error(report.html()), "");
}

TEST(Report, AbsurdValuesAreDrawnSomewhereFinite) {
  std::mt19937 random(1);
  const double values[] = {kNan,   kInfinity, -kInfinity, 0,    -0.0,  1e308, -1e308,
                           1e-320, -1,        1,          1e18, 2e-16, 65530, 1.0 / 3};
  const auto any = [&] {
    return values[random() % std::size(values)];
  };
  for (int round = 0; round < 300; ++round) {
    Report report("absurd");
    const auto unit = static_cast<AxisUnit>(random() % 5);
    const auto scale = static_cast<AxisScale>(random() % 2);
    Axis axis{"axis", unit, scale};
    if (random() % 3 == 0) axis.least = any();
    if (random() % 3 == 0) axis.most = any();
    Series series{"series", {}};
    for (int i = 0; i < 6; ++i) series.points.push_back({any(), any()});
    report.add_curves({"c", "", axis, axis, {series}});
    report.add_bars({"b", "", "x", axis, {"g", "h"}, {{"s", {any(), any()}}}});
    report.add_time_line({"t", "", axis, {{axis, {series}}}, {{any(), "event"}, {any(), "e"}}});
    ArenaCell cell;
    for (double& share : cell.share) share = any();
    report.add_arena_map({"m", "", std::numeric_limits<std::uint64_t>::max(), {cell, cell}});
    const std::string page = report.html();
    ASSERT_EQ(nesting_error(page), "") << round;
    ASSERT_LT(page.size(), 400000U) << round;
    ASSERT_FALSE(has_not_finite(page)) << round;
  }
}

TEST(Axis, RoundTicks) {
  ValueRange data;
  for (const double value : {3.0, 97.0}) data.add(value);
  const AxisFrame percent = make_axis({"", AxisUnit::kPercent}, data, 6);
  EXPECT_EQ(percent.lo, 0);
  EXPECT_EQ(percent.hi, 100);
  ASSERT_EQ(percent.ticks.size(), 6U);
  EXPECT_EQ(percent.ticks[1].label, "20 %");
  ValueRange bytes;
  bytes.add(3.7e9);
  const AxisFrame memory = make_axis({"", AxisUnit::kBytes}, bytes, 4);
  EXPECT_EQ(memory.hi, 4.0 * kGiB);
  EXPECT_EQ(memory.ticks.back().label, "4 GiB");
  ValueRange sizes;
  for (const double size : {32.0 * kKiB, 64.0 * kMiB}) sizes.add(size);
  const AxisFrame log = make_axis({"", AxisUnit::kBytes, AxisScale::kLog2}, sizes, 12);
  EXPECT_EQ(log.ticks.size(), 12U);
  EXPECT_EQ(log.ticks[5].label, "1 MiB");
  EXPECT_DOUBLE_EQ(log.place(32.0 * kKiB), 0);
  EXPECT_DOUBLE_EQ(log.place(64.0 * kMiB), 1);
}

TEST(AxisValue, HasItsUnit) {
  EXPECT_EQ(axis_value(AxisUnit::kSeconds, 0), "0 s");
  EXPECT_EQ(axis_value(AxisUnit::kSeconds, 0.02), "20 ms");
  EXPECT_EQ(axis_value(AxisUnit::kSeconds, 1200), "1,200 s");
  EXPECT_EQ(axis_value(AxisUnit::kMicroseconds, 0.125), "125 ns");
  EXPECT_EQ(axis_value(AxisUnit::kMicroseconds, 12), "12 µs");
  EXPECT_EQ(axis_value(AxisUnit::kMicroseconds, 4096), "4.1 ms");
  EXPECT_EQ(axis_value(AxisUnit::kCount, 65530), "65,530");
  EXPECT_EQ(axis_value(AxisUnit::kCount, 0.5), "0.5");
  EXPECT_EQ(axis_value(AxisUnit::kPercent, 36.5), "36.5 %");
  EXPECT_EQ(axis_value(AxisUnit::kBytes, 32 * 1024), "32 KiB");
}

TEST(Axis, TicksStayWithinAndFew) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponent(-3, 12);
  for (int i = 0; i < 5000; ++i) {
    ValueRange data;
    data.add(std::pow(10, exponent(random)));
    data.add(std::pow(10, exponent(random)));
    const auto unit = static_cast<AxisUnit>(i % 5);
    const auto scale = static_cast<AxisScale>(i / 5 % 2);
    const AxisFrame frame = make_axis({"", unit, scale}, data, 6);
    ASSERT_LT(frame.lo, frame.hi);
    ASSERT_LE(frame.lo, data.least * (1 + 1e-9));
    ASSERT_GE(frame.hi, data.most * (1 - 1e-9));
    ASSERT_GE(frame.ticks.size(), 1U);
    ASSERT_LE(frame.ticks.size(), 13U);
    for (const Tick& tick : frame.ticks) {
      ASSERT_GE(tick.value, frame.lo - 1e-9 * std::abs(frame.lo));
      ASSERT_LE(tick.value, frame.hi * (1 + 1e-9));
    }
  }
}

TEST(Coordinate, IsShortAndFinite) {
  EXPECT_EQ(coordinate(12), "12");
  EXPECT_EQ(coordinate(12.25), "12.2");
  EXPECT_EQ(coordinate(-0.01), "0");
  EXPECT_EQ(coordinate(kNan), "0");
  EXPECT_EQ(coordinate(-kInfinity), "0");
}

TEST(TimeLinePicture, StaysSmallForLongTraces) {
  TimeLine line = test::sample_time_line();
  const std::size_t before = render_time_line(line).size();
  std::vector<Point>& points = line.panels[0].series[0].points;
  const double end = points.back().x;
  for (int i = 0; i < 2000000; ++i) points.push_back({end, static_cast<double>(i % 7)});
  EXPECT_LT(render_time_line(line).size(), before + 1000);
}

TEST(TimeLinePicture, KeepsThePeak) {
  TimeLine line{"t", "", {"time"}, {{{"y"}, {{"s", {}}}}}, {}};
  for (int i = 0; i < 100000; ++i) {
    line.panels[0].series[0].points.push_back({static_cast<double>(i), i == 77777 ? 100.0 : 1.0});
  }
  const std::string picture = render_time_line(line);
  EXPECT_NE(picture.find("V34V"), std::string::npos) << "the top of the panel is reached";
}

TEST(ArenaMapBuilder, SharesAddUp) {
  for (const std::uint64_t frames : {1ULL, 7ULL, 4096ULL, 100003ULL, 1ULL << 28}) {
    for (const std::size_t cells : {std::size_t{1}, std::size_t{5}, std::size_t{4096}}) {
      ArenaMapBuilder builder(frames, cells);
      std::mt19937_64 random(frames + cells);
      std::vector<double> marked(kFrameUses, 0);
      std::uint64_t at = 0;
      while (at < frames) {
        const std::uint64_t count = 1 + random() % (frames / 8 + 1);
        const auto use = static_cast<FrameUse>(random() % kFrameUses);
        builder.mark(at, count, use);
        const std::uint64_t inside = std::min(count, frames - at);
        marked[static_cast<std::size_t>(use)] += static_cast<double>(inside);
        at += count;
      }
      const auto result = builder.cells();
      ASSERT_EQ(result.size(), std::min<std::uint64_t>(frames, cells));
      std::vector<double> drawn(kFrameUses, 0);
      std::uint64_t start = 0;
      for (std::size_t i = 0; i < result.size(); ++i) {
        const std::uint64_t longer = i < frames % result.size() ? 1 : 0;
        const std::uint64_t size = frames / result.size() + longer;
        double sum = 0;
        for (std::size_t use = 0; use < kFrameUses; ++use) {
          drawn[use] += result[i].share[use] * static_cast<double>(size);
          sum += result[i].share[use];
        }
        ASSERT_NEAR(sum, 1, 1e-9) << "cell " << i;
        start += size;
      }
      ASSERT_EQ(start, frames);
      for (std::size_t use = 0; use < kFrameUses; ++use) {
        EXPECT_NEAR(drawn[use], marked[use], 1e-6 * static_cast<double>(frames)) << use;
      }
    }
  }
}

TEST(ArenaMapBuilder, IgnoresWhatIsOutside) {
  ArenaMapBuilder builder(100, 10);
  builder.mark(100, 5, FrameUse::kMapped);
  builder.mark(~std::uint64_t{0}, ~std::uint64_t{0}, FrameUse::kMapped);
  for (const ArenaCell& cell : builder.cells()) EXPECT_EQ(cell.share[0], 1);
  builder.mark(95, ~std::uint64_t{0}, FrameUse::kMapped);
  EXPECT_DOUBLE_EQ(builder.cells()[9].share[static_cast<std::size_t>(FrameUse::kMapped)], 0.5);
}

TEST(Report, WriteFailsWithAReason) {
  try {
    sample_report().write("/nonexistent/folder/report.html");
    FAIL() << "no error";
  } catch (const ToolError& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
  }
}

TEST(ReportTools, XmllintFindsNoFault) {
  if (!has_tool("xmllint")) GTEST_SKIP() << "xmllint is not installed (Debian: libxml2-utils)";
  const ScratchFolder folder;
  sample_report().write(folder.str("report.html"));
  const auto outcome = run_shell("xmllint --nonet --noout '" + folder.str("report.html") + "'");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

/// Renders a page to PNG; the bytes of the picture.
std::string screenshot(const ScratchFolder& folder, const std::string& page,
                       const std::string& size) {
  const auto outcome = run_shell(
      "cd '" + folder.str() +
      "' && timeout 100 chromium --headless --no-sandbox --disable-gpu "
      "--disable-background-networking --disable-component-update --disable-sync --no-first-run "
      "--hide-scrollbars --user-data-dir='" +
      folder.str("profile") + "' --window-size=" + size + " --screenshot='" +
      folder.str("shot.png") + "' 'file://" + folder.str(page) + "'");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return test::read_file(folder.path() / "shot.png");
}

TEST(ReportTools, ChromiumDrawsThePage) {
  if (!has_tool("chromium")) GTEST_SKIP() << "chromium is not installed (Debian: chromium)";
  const ScratchFolder folder;
  sample_report().write(folder.str("report.html"));
  Report("empty").write(folder.str("empty.html"));
  const std::string full = screenshot(folder, "report.html", "1000,3000");
  ASSERT_GT(full.size(), 33U);
  EXPECT_EQ(full.substr(1, 3), "PNG");
  EXPECT_EQ(big_endian(full, 16), 1000U) << "width";
  EXPECT_EQ(big_endian(full, 20), 3000U) << "height";
  const std::string empty = screenshot(folder, "empty.html", "1000,3000");
  EXPECT_GT(full.size(), 3 * empty.size()) << "tables and pictures leave their mark";
}

}  // namespace
}  // namespace vc::tool
