// What an arena says of itself: text, JSON, Prometheus, listing, and sentences.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "vcompound/api/snapshot.h"
#include "vcompound/arena.h"

namespace vc {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

/// Figures that all differ, so that a mixed-up pair is seen.
Snapshot example() {
  Snapshot s;
  s.stats.total_pages = PageCount(1000);
  s.stats.free_pages = PageCount(100);
  s.stats.cached_pages = PageCount(20);
  s.stats.pending_pages = PageCount(3);
  s.stats.deferred_pages = PageCount(4);
  s.stats.committed_pages = PageCount(512);
  s.stats.largest_run = PageCount(50);
  s.stats.largest_gap = PageCount(6000);
  std::uint64_t next = 11;
  for (std::uint64_t* field :
       {&s.stats.contiguous_allocations, &s.stats.mapped_allocations, &s.stats.cache_hits,
        &s.stats.forced_fallbacks, &s.stats.frees, &s.stats.deferred_frees, &s.stats.misuses,
        &s.stats.maps, &s.stats.unmaps, &s.stats.shootdowns, &s.stats.drains,
        &s.stats.mappings_used, &s.stats.mappings_limit}) {
    *field = next++;
  }
  s.stats.refusals[static_cast<std::size_t>(Reason::budget)] = 31;
  s.committed_huge = mib(1);
  s.metadata = kib(12);
  s.free_blocks = {5, 6, 7};
  s.availability = {{kib(64), 1.0}, {mib(1), 0.365}};
  s.nodes = {{.total = Bytes(4096000), .free = Bytes(409600)}};
  s.sites = {{.name = "a\\b\"c\nd.cc:1", .contiguous = 41, .mapped = 42, .refused = 43}};
  return s;
}

// ---- Prometheus: a parser of the exposition format, strict about what scrapers are strict about
// ---

struct Metric {
  std::string type;
  bool has_help = false;
  std::map<std::string, double> samples;  ///< by label text, unescaped
};

/// Reads `name="value",...}` and unescapes the values; nothing if it is malformed.
std::optional<std::string> read_labels(std::string_view text, std::size_t& at) {
  std::string out;
  while (at < text.size() && text[at] != '}') {
    const std::size_t equals = text.find("=\"", at);
    if (equals == std::string_view::npos) return std::nullopt;
    out += std::string(text.substr(at, equals - at)) + "=";
    at = equals + 2;
    for (; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\') {
        if (++at == text.size()) return std::nullopt;
        if (text[at] != 'n' && text[at] != '\\' && text[at] != '"') return std::nullopt;
        out += text[at] == 'n' ? '\n' : text[at];
      } else {
        out += text[at];
      }
    }
    ++at;
    if (at < text.size() && text[at] == ',') ++at, out += ',';
  }
  if (at >= text.size()) return std::nullopt;
  ++at;
  return out;
}

class PrometheusParser {
 public:
  explicit PrometheusParser(const std::string& text) {
    EXPECT_TRUE(text.empty() || text.back() == '\n') << "the last line must end";
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) read_line(line);
  }
  const std::map<std::string, Metric>& metrics() const { return metrics_; }
  double at(const std::string& name, const std::string& labels = "") const {
    const auto metric = metrics_.find(name);
    if (metric == metrics_.end() || !metric->second.samples.contains(labels)) return -1;
    return metric->second.samples.at(labels);
  }

 private:
  void read_line(const std::string& line) {
    SCOPED_TRACE(line);
    if (line.starts_with("# HELP ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_FALSE(metrics_.contains(name)) << "a metric's lines must be together";
      metrics_[name].has_help = true;
      current_ = name;
    } else if (line.starts_with("# TYPE ")) {
      const std::size_t space = line.find(' ', 7);
      EXPECT_EQ(line.substr(7, space - 7), current_);
      metrics_[current_].type = line.substr(space + 1);
    } else {
      read_sample(line);
    }
  }
  void read_sample(std::string_view line) {
    std::size_t at = line.find_first_of(" {");
    ASSERT_NE(at, std::string_view::npos);
    EXPECT_EQ(line.substr(0, at), current_);
    std::string labels;
    if (line[at] == '{') {
      const auto read = read_labels(line, ++at);
      ASSERT_TRUE(read);
      labels = *read;
    }
    ASSERT_EQ(line[at], ' ');
    char* end = nullptr;
    const std::string value(line.substr(at + 1));
    const double number = std::strtod(value.c_str(), &end);
    EXPECT_EQ(*end, '\0');
    EXPECT_TRUE(metrics_[current_].samples.emplace(labels, number).second) << "a sample twice";
  }

  std::map<std::string, Metric> metrics_;
  std::string current_;
};

TEST(Prometheus, EveryMetricHasAPrefixAHelpAndAType) {
  const PrometheusParser parser(to_prometheus(example()));
  EXPECT_GT(parser.metrics().size(), 20U);
  for (const auto& [name, metric] : parser.metrics()) {
    EXPECT_THAT(name, ::testing::MatchesRegex("vcompound_[a-z_]+"));
    EXPECT_TRUE(metric.has_help) << name;
    EXPECT_FALSE(metric.samples.empty()) << name;
    EXPECT_EQ(metric.type, name.ends_with("_total") ? "counter" : "gauge") << name;
  }
}

TEST(Prometheus, FiguresAreInBytesAndInTheRightPlace) {
  const PrometheusParser parser(to_prometheus(example()));
  EXPECT_EQ(parser.at("vcompound_budget_bytes"), 4096000);
  EXPECT_EQ(parser.at("vcompound_live_bytes"), 4096 * 873);
  EXPECT_EQ(parser.at("vcompound_free_bytes", "where=zones"), 4096 * 100);
  EXPECT_EQ(parser.at("vcompound_free_bytes", "where=caches"), 4096 * 20);
  EXPECT_EQ(parser.at("vcompound_free_bytes", "where=pending"), 4096 * 3);
  EXPECT_EQ(parser.at("vcompound_free_bytes", "where=deferred"), 4096 * 4);
  EXPECT_EQ(parser.at("vcompound_committed_huge_bytes"), 1 << 20);
  EXPECT_EQ(parser.at("vcompound_node_free_bytes", "node=0"), 409600);
  EXPECT_EQ(parser.at("vcompound_allocations_total", "kind=contiguous"), 11);
  EXPECT_EQ(parser.at("vcompound_allocations_total", "kind=mapped"), 12);
  EXPECT_EQ(parser.at("vcompound_cache_hits_total"), 13);
  EXPECT_EQ(parser.at("vcompound_forced_fallbacks_total"), 14);
  EXPECT_EQ(parser.at("vcompound_frees_total"), 15);
  EXPECT_EQ(parser.at("vcompound_deferred_frees_total"), 16);
  EXPECT_EQ(parser.at("vcompound_misuses_total"), 17);
  EXPECT_EQ(parser.at("vcompound_maps_total"), 18);
  EXPECT_EQ(parser.at("vcompound_unmaps_total"), 19);
  EXPECT_EQ(parser.at("vcompound_shootdowns_total"), 20);
  EXPECT_EQ(parser.at("vcompound_drains_total"), 21);
  EXPECT_EQ(parser.at("vcompound_mappings"), 22);
  EXPECT_EQ(parser.at("vcompound_mappings_limit"), 23);
  EXPECT_EQ(parser.at("vcompound_refusals_total", "reason=budget"), 31);
  EXPECT_EQ(parser.at("vcompound_refusals_total", "reason=mappings"), 0);
  EXPECT_EQ(parser.at("vcompound_free_blocks", "order=2"), 7);
  EXPECT_NEAR(parser.at("vcompound_availability_ratio", "size=1048576"), 0.365, 1e-6);
}

TEST(Prometheus, LabelValuesAreEscaped) {
  const PrometheusParser parser(to_prometheus(example()));
  const std::string site = "site=a\\b\"c\nd.cc:1";
  EXPECT_EQ(parser.at("vcompound_site_allocations_total", site + ",kind=mapped"), 42);
  EXPECT_EQ(parser.at("vcompound_site_refusals_total", site), 43);
}

// ---- JSON and text ------------------------------------------------------------------------------

TEST(Json, SaysWhatTheSnapshotSays) {
  const auto json = nlohmann::json::parse(to_json(example()));
  EXPECT_EQ(json["memory"]["budget"], 4096000);
  EXPECT_EQ(json["memory"]["live"], 4096 * 873);
  EXPECT_EQ(json["counts"]["mapped_allocations"], 12);
  EXPECT_EQ(json["counts"]["refusals"]["budget"], 31);
  EXPECT_EQ(json["counts"]["refusals"].size(), kReasonCount - 1);
  EXPECT_EQ(json["free_blocks"], nlohmann::json({5, 6, 7}));
  EXPECT_EQ(json["availability"][1]["size"], 1048576);
  EXPECT_NEAR(json["availability"][1]["share"].get<double>(), 0.365, 1e-9);
  EXPECT_EQ(json["sites"][0]["site"], "a\\b\"c\nd.cc:1");
  EXPECT_EQ(json["sites"][0]["refused"], 43);
}

TEST(Json, BytesThatAreNoTextStayJson) {
  Snapshot snapshot = example();
  snapshot.sites[0].name = "caf\xe9.cc:1";
  const auto json = nlohmann::json::parse(to_json(snapshot), nullptr, false);
  EXPECT_FALSE(json.is_discarded());
}

TEST(Text, SaysWhatTheSnapshotSays) {
  const std::string text = to_text(example());
  EXPECT_THAT(text, ContainsRegex("\nlive +3.4 MiB\n"));
  EXPECT_THAT(text, ContainsRegex("\nmapped allocations +12\n"));
  EXPECT_THAT(text, ContainsRegex("\nrefused +31 for budget\n"));
  EXPECT_THAT(text, ContainsRegex("\nmappings +22 of 23\n"));
  EXPECT_THAT(text, ContainsRegex("\navailability +1 MiB: 36.5 %\n"));
}

// ---- a live arena -------------------------------------------------------------------------------

class ArenaText : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = Arena::create({.budget = mib(16), .warn_above = kNeverWarn});
    ASSERT_TRUE(made) << to_string(made.error());
    arena_.emplace(std::move(*made));
    arena_->set_always_map(Trigger::off());  // whatever VCOMPOUND_CONF says
  }
  Arena& arena() { return *arena_; }

 private:
  std::optional<Arena> arena_;
};

TEST_F(ArenaText, TheListingNamesEachArea) {
  const std::uint32_t line = __LINE__ + 1;
  auto contiguous = arena().allocate(kib(64));
  auto mapped = arena().allocate({.size = kib(128), .contiguity = Contiguity::never});
  ASSERT_TRUE(contiguous && mapped);
  const std::string site = "text_test.cc:" + std::to_string(line);
  const std::string listing = arena().listing();
  EXPECT_THAT(listing, ContainsRegex("0x[0-9a-f]+-0x[0-9a-f]+ 65536 [^ ]*" + site +
                                     " pages=16 runs=1 contiguous refs=1 N0=16\n"));
  EXPECT_THAT(listing, ContainsRegex("131072 [^ ]*text_test.cc:[0-9]+ pages=32 runs=[0-9]+ "
                                     "vcompound refs=1 N0=32\n"));
  EXPECT_THAT(listing, ContainsRegex("\nnode 0: [0-9.]+ .iB free of [0-9.]+ .iB\n"));
  EXPECT_THAT(listing, ContainsRegex("free blocks of order 0 to 18:( [0-9]+){19}\n"));
  EXPECT_THAT(listing, ContainsRegex("availability: 64 KiB 100.0 %, .*64 MiB [0-9.]+ %\n"));
}

TEST_F(ArenaText, TheThreeFormatsAgree) {
  auto kept = arena().allocate(kib(64));
  ASSERT_TRUE(kept);
  EXPECT_FALSE(arena().allocate(gib(1)));
  const PrometheusParser parser(arena().stats(Arena::Format::prometheus));
  const auto json = nlohmann::json::parse(arena().stats(Arena::Format::json));
  EXPECT_EQ(parser.at("vcompound_live_bytes"), 65536);
  EXPECT_EQ(json["memory"]["live"], 65536);
  EXPECT_EQ(json["memory"]["budget"], 16 << 20);
  EXPECT_EQ(parser.at("vcompound_refusals_total", "reason=budget"), 1);
  EXPECT_EQ(json["counts"]["refusals"]["budget"], 1);
  EXPECT_THAT(arena().stats(Arena::Format::text), ContainsRegex("\nlive +64 KiB\n"));
}

TEST_F(ArenaText, OneLineUnderTwoNamesIsOneSite) {
  static const char first[] = "header.h";
  static const char second[] = "header.h";
  for (const char* file : {first, second}) {
    auto kept = arena().allocate(kib(64), CallSite{file, 7});
    ASSERT_TRUE(kept);
  }
  const Snapshot snapshot = take_snapshot(arena());
  std::size_t found = 0;
  for (const Snapshot::Site& site : snapshot.sites) {
    if (site.name != "header.h:7") continue;
    ++found;
    EXPECT_EQ(site.contiguous, 2U);
  }
  EXPECT_EQ(found, 1U);
}

// ---- sentences ----------------------------------------------------------------------------------

TEST(ErrorText, NamesTheFiguresAndTheRemedy) {
  const Error error{.reason = Reason::budget, .requested = mib(8), .free = mib(2)};
  const std::string sentence = to_string(error);
  EXPECT_THAT(sentence, HasSubstr("8 MiB refused (budget): only 2 MiB are free"));
  EXPECT_THAT(sentence, HasSubstr("; free something"));
}

TEST(CallSiteText, LineFunctionOrAddress) {
  EXPECT_EQ(to_string(CallSite{"a.cc", 12}), "a.cc:12");
  EXPECT_EQ(to_string(CallSite{}), "unknown");
  EXPECT_EQ(to_string(CallSite{nullptr, 16}), "0x10");
  const auto* code = reinterpret_cast<const char*>(reinterpret_cast<std::uintptr_t>(&std::malloc));
  EXPECT_THAT(to_string(CallSite::at(code + 3)), ContainsRegex("\\+0x[0-9a-f]*3$"));
}

}  // namespace
}  // namespace vc
