// What the report says: Markdown, HTML, SVG and JSON of a small comparison.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/compare/report/output.h"
#include "tests/compare/samples.h"

namespace vc::compare {
namespace {

using test::cannot;
using test::figure;
using test::pair_at;
using test::read;
using testing::HasSubstr;
using testing::Not;

std::string sample_lines() {
  std::string lines = "{\"fact\":\"cpu\",\"text\":\"A <fast> one\"}\n";
  lines += pair_at("4 KiB", 4096, 5, 10) + pair_at("8 KiB", 8192, 9, 10);
  lines += pair_at("16 KiB", 16384, 5, 10);
  lines += cannot("pair", "4 KiB", 4096, "dpdk", "time", "librte_eal is not installed");
  lines += cannot("pair", "16 KiB", 16384, "glibc", "time", "refused once");
  lines += figure("pair", "4 KiB", 4096, "glibc", "page_faults", "count", 2);
  for (const char* group : {"random", "comb"}) {
    for (int size = 1; size <= 3; ++size) {
      const std::string where = std::string(group) + ", " + std::to_string(size) + " MiB";
      const double at = size * 1048576.0;
      lines += figure("availability", where, at, "vcompound", "availability", "percent", 100) +
               figure("availability", where, at, "buddy", "availability", "percent", 3.5);
    }
  }
  lines += figure("new_row", "one", 0, "vcompound", "something", "count", 7);
  return lines + "{\"row\":\"pair\",\"peer\":\"mimalloc\",\"cannot\":\"ended by signal 11\"}\n";
}

class CompareOutput : public testing::Test {
 protected:
  Results results = read(sample_lines());
  std::vector<GoalResult> goals = judge(results);
  std::vector<Section> sections = sections_of(results, goals);
};

TEST_F(CompareOutput, Markdown) {
  const std::string text = to_markdown(results, goals, sections);
  EXPECT_THAT(text, HasSubstr("**8 of 9 goals met.**"));
  EXPECT_THAT(text,
              HasSubstr("| pair | 8 KiB | time | &lt;= 0.7 x best peer | 0.90 (9.00 ns, glibc "
                        "10.0 ns) | missed |"));
  EXPECT_THAT(text, HasSubstr("| 4 KiB | 5.00 ns | 10.0 ns | glibc | 0.50 | &lt;= 0.7 x best peer: "
                              "met |"));
  EXPECT_THAT(text, HasSubstr("\navailability:\n")) << "one table for all patterns";
  for (const char* group : {"random", "comb"}) {
    EXPECT_THAT(text, HasSubstr("| " + std::string(group) +
                                ", 1 MiB | 100.0 % | 3.5 % | buddy | 28.57 | >= 100.0 %: met |"));
  }
  EXPECT_THAT(text, HasSubstr("- dpdk cannot do this: librte_eal is not installed."));
  EXPECT_THAT(text, HasSubstr("- mimalloc: its process failed 1 time: ended by signal 11."));
  EXPECT_THAT(text, HasSubstr("no time, 16 KiB (1 of 2 times): refused once."));
  EXPECT_THAT(text, HasSubstr("(`new_row`)"));
  EXPECT_THAT(text, HasSubstr("A &lt;fast> one"));
  EXPECT_THAT(text, Not(HasSubstr("nan")));
}

TEST_F(CompareOutput, MarkdownHasTheMainMetricsOnly) {
  const std::string text = to_markdown(results, goals, sections);
  EXPECT_THAT(text, Not(HasSubstr("page faults per operation")));
  std::string lines;
  for (const char* metric : {"refused", "allocate_worst", "allocate_worst_raw"}) {
    lines += figure("latency", "fresh", 0, "glibc", metric, "ns", 1);
  }
  const Results latency = read(lines);
  const std::string brief = to_markdown(latency, {}, sections_of(latency, {}));
  EXPECT_THAT(brief, HasSubstr("\nallocate worst:\n"));
  EXPECT_THAT(brief, Not(HasSubstr("worst raw")));
  EXPECT_THAT(brief, Not(HasSubstr("refused:")));
  EXPECT_THAT(to_html(latency, {}, sections_of(latency, {})), HasSubstr("worst raw"));
}

TEST_F(CompareOutput, MarkdownTellsEverySecondOfManySizes) {
  std::string lines;
  for (int power = 12; power <= 20; ++power) {
    const std::string size = power < 20 ? std::to_string(1 << (power - 10)) + " KiB" : "1 MiB";
    lines += pair_at(size, 1 << power, 5, 10);
  }
  const Results many = read(lines);
  const auto all = sections_of(many, {});
  const std::string text = to_markdown(many, {}, all);
  for (const char* size : {"| 4 KiB |", "| 16 KiB |", "| 1 MiB |"}) {
    EXPECT_THAT(text, HasSubstr(size));
  }
  for (const char* size : {"| 8 KiB |", "| 512 KiB |"}) EXPECT_THAT(text, Not(HasSubstr(size)));
  EXPECT_EQ(all[0].tables.at(0).rows.size(), 9U) << "the page has all";
}

TEST(CompareMarkdown, MomentsAreDrawnOnly) {
  const std::string lines =
      figure("run_choice", "churn 90 %, t=0", 0, "longest_first", "contiguous", "percent", 50) +
      figure("run_choice", "churn 90 %, t=1", 1, "longest_first", "contiguous", "percent", 60) +
      figure("run_choice", "churn 90 %", 12, "longest_first", "contiguous", "percent", 55);
  const Results results = read(lines);
  const auto sections = sections_of(results, {});
  EXPECT_THAT(to_markdown(results, {}, sections), HasSubstr("| churn 90 % | 55.0 % |"));
  EXPECT_THAT(to_markdown(results, {}, sections), Not(HasSubstr("t=1")));
  ASSERT_EQ(sections[0].tables.size(), 1U);
  EXPECT_EQ(sections[0].tables[0].rows.size(), 1U);
}

TEST_F(CompareOutput, Page) {
  const std::string page = to_html(results, goals, sections);
  EXPECT_THAT(page, HasSubstr("8 of 9 goals met."));
  EXPECT_THAT(page, HasSubstr("A &lt;fast&gt; one"));
  EXPECT_THAT(page, HasSubstr("page faults per operation"));
  EXPECT_THAT(page, HasSubstr("dpdk cannot do this: librte_eal is not installed."));
  EXPECT_THAT(page, HasSubstr("(new_row)</h2>"));
}

TEST_F(CompareOutput, APictureForEachRowAndPattern) {
  std::vector<std::string> files;
  for (const Section& section : sections) {
    for (const Drawing& drawing : section.drawings) files.push_back(drawing.file);
  }
  EXPECT_THAT(files, testing::ElementsAre("pair.svg", "availability-random.svg",
                                          "availability-comb.svg", "new_row.svg"));
  const std::string svg = to_svg(sections[0].drawings[0]);
  EXPECT_THAT(svg, testing::StartsWith("<?xml"));
  EXPECT_THAT(svg, HasSubstr("<style>"));
  EXPECT_THAT(svg, HasSubstr(">glibc</text>")) << "the legend is inside";
  EXPECT_THAT(svg, HasSubstr("vcompound, 4 KiB: 5 ns"));
  EXPECT_TRUE(sections[0].drawings[0].is_curves);
  EXPECT_FALSE(sections[2].drawings[0].is_curves) << "cases that are no sizes get bars";
}

TEST_F(CompareOutput, Json) {
  const nlohmann::ordered_json all = to_json(results, goals);
  EXPECT_EQ(all["goals_met"], 8);
  EXPECT_EQ(all["goals_counted"], 9);
  EXPECT_EQ(all["facts"]["cpu"], "A <fast> one");
  EXPECT_EQ(all["rows"][0]["figures"][0]["median"], 5);
  EXPECT_EQ(all["rows"][0]["figures"][2]["cannot"]["librte_eal is not installed"], 1);
  EXPECT_EQ(all["rows"][0]["failures"]["mimalloc"]["ended by signal 11"], 1);
}

TEST(CompareMarkdown, OnlyWhatIsBetweenTheMarkers) {
  const std::string page = "a\n<!-- peers: begin (x) -->\nold\n<!-- peers: end -->\nb\n";
  EXPECT_EQ(with_tables(page, "new\n"),
            "a\n<!-- peers: begin (x) -->\nnew\n\n<!-- peers: end -->\nb\n");
  EXPECT_EQ(with_tables(with_tables(page, "new\n"), "new\n"), with_tables(page, "new\n"));
  EXPECT_THROW(with_tables("no markers", "new"), BrokenInput);
  EXPECT_THROW(with_tables("<!-- peers: end --><!-- peers: begin -->", "new"), BrokenInput);
}

TEST(CompareDrawing, TimeGetsCurvesPerWorkload) {
  std::string lines;
  for (int t = 0; t < 12; ++t) {
    const std::string where = "churn 90 %, t=" + std::to_string(t);
    lines += figure("run_choice", where, t, "longest_first", "contiguous", "percent", 50 + t);
  }
  const Results results = read(lines);
  const auto sections = sections_of(results, judge(results));
  ASSERT_EQ(sections[0].drawings.size(), 1U);
  EXPECT_TRUE(sections[0].drawings[0].is_curves);
  EXPECT_EQ(sections[0].drawings[0].curves.series[0].points.size(), 12U);
  EXPECT_EQ(sections[0].drawings[0].file, "run_choice-churn-90.svg");
}

}  // namespace
}  // namespace vc::compare
