// Reading rows: the formats accepted, and every way a file can be wrong.
#include "tools/trace/trace_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/trace/trace_event.h"

namespace vc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kHeader = std::string(kTraceHeader) + "\n";

struct Read {
  std::vector<TraceEvent> events;
  std::string error;
  bool truncated = false;
};

Read read(const std::string& bytes, const TraceOptions& options = {}) {
  Read result;
  TraceError error;
  const auto reader = TraceReader::from_memory(bytes, "t.csv", options, error);
  if (reader == nullptr) {
    result.error = error.message;
    return result;
  }
  TraceEvent event;
  TraceReader::Status status = TraceReader::Status::kEvent;
  while ((status = reader->next(event)) == TraceReader::Status::kEvent) {
    result.events.push_back(event);
  }
  EXPECT_EQ(reader->next(event), status) << "the end must stay the end";
  result.error = reader->error().message;
  result.truncated = reader->truncated();
  return result;
}

/// The error for one row, which must be on line 2.
std::string row_error(const std::string& row) {
  const Read result = read(kHeader + row + "\n");
  EXPECT_TRUE(result.events.empty()) << row;
  EXPECT_THAT(result.error, HasSubstr("t.csv:2: ")) << row;
  return result.error;
}

TEST(TraceReader, ReadsARow) {
  const Read result = read(kHeader + "7,01:02:03.000004,allocate,0x7f00aa,65536,0x2\n");
  EXPECT_EQ(result.error, "");
  ASSERT_EQ(result.events.size(), 1u);
  const TraceEvent expected{7, 3'723'000'004, TraceAction::kAllocate, 0x7f00aa, 65536, 2};
  EXPECT_EQ(result.events[0], expected);
}

TEST(TraceReader, ReadsEveryAction) {
  const Read result = read(kHeader +
                           "1,00:00:00.1,allocate,0x10,1,0x0\n"
                           "1,00:00:00.2,free,0x10,1,0x0\n"
                           "1,00:00:00.3,allocate failure,(nil),18446744073709551615,0x0\n");
  ASSERT_EQ(result.events.size(), 3u) << result.error;
  EXPECT_EQ(result.events[1].action, TraceAction::kFree);
  EXPECT_EQ(result.events[2].action, TraceAction::kAllocateFailure);
  EXPECT_EQ(result.events[2].size, UINT64_MAX);
  EXPECT_EQ(result.events[2].time_us, 300'000u);
}

TEST(TraceReader, ColumnsComeInAnyOrderWithOthersBetween) {
  const Read result = read("\xef\xbb\xbfSize, note ,\"Pointer\",action\r\n4096,hello,ab,free\r\n");
  ASSERT_EQ(result.events.size(), 1u) << result.error;
  const TraceEvent expected{0, 0, TraceAction::kFree, 0xab, 4096, 0};
  EXPECT_EQ(result.events[0], expected);
}

TEST(TraceReader, AcceptsTimeFormatsOfOldAndNewRmm) {
  const std::vector<std::pair<std::string, std::uint64_t>> cases = {
      {"00:00:01:500000", 1'500'000},
      {"00:00:01.500000", 1'500'000},
      {"00:00:01", 1'000'000},
      {"2024-05-06 00:00:02.25", 2'250'000},
      {"2024-05-06T00:00:02.123456789", 2'123'456},
      {"123456", 123'456},
      {"100:00:00.000000", 360'000'000'000}};
  for (const auto& [text, expected] : cases) {
    const Read result = read(kHeader + "1," + text + ",free,0x1,1,0\n");
    ASSERT_EQ(result.events.size(), 1u) << text << " " << result.error;
    EXPECT_EQ(result.events[0].time_us, expected) << text;
  }
}

TEST(TraceReader, CountsOnOverMidnight) {
  const Read result = read(kHeader +
                           "1,23:59:59.000000,free,0x1,1,0\n"
                           "1,00:00:01.000000,free,0x2,1,0\n"
                           "2,00:00:00.999999,free,0x3,1,0\n");
  ASSERT_EQ(result.events.size(), 3u);
  EXPECT_EQ(result.events[1].time_us - result.events[0].time_us, 2'000'000u);
  EXPECT_EQ(result.events[1].time_us - result.events[2].time_us, 1u);
}

TEST(TraceReader, PassesOverBlankLinesAndRepeatedHeaders) {
  const Read result = read(kHeader + "\n1,0,free,0x1,1,0\n" + kHeader + "1,0,free,0x2,1,0");
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.events.size(), 2u);
}

TEST(TraceReader, FoldsThreadsOf64Bits) {
  const Read result = read(kHeader + "4294967297,0,free,0x1,1,0\n");
  ASSERT_EQ(result.events.size(), 1u) << result.error;
  EXPECT_EQ(result.events[0].thread, 0u);
}

TEST(TraceReader, RefusesBadFields) {
  EXPECT_THAT(row_error("x,0,free,0x1,1,0"), HasSubstr("bad Thread 'x'"));
  EXPECT_THAT(row_error("1,later,free,0x1,1,0"), HasSubstr("bad Time 'later'"));
  EXPECT_THAT(row_error("1,00:61:00,free,0x1,1,0"), HasSubstr("bad Time"));
  EXPECT_THAT(row_error("1,99999999999:00:00,free,0x1,1,0"), HasSubstr("bad Time"));
  EXPECT_THAT(row_error("1,0,explode,0x1,1,0"),
              AllOf(HasSubstr("bad Action 'explode'"), HasSubstr("allocate failure")));
  EXPECT_THAT(row_error("1,0,free,0xg,1,0"), HasSubstr("bad Pointer '0xg'"));
  EXPECT_THAT(row_error("1,0,free,0x,1,0"), HasSubstr("bad Pointer '0x'"));
  EXPECT_THAT(row_error("1,0,free,0x11112222333344445,1,0"), HasSubstr("bad Pointer"));
  EXPECT_THAT(row_error("1,0,free,0x1,-1,0"), HasSubstr("bad Size '-1'"));
  EXPECT_THAT(row_error("1,0,free,0x1,+1,0"), HasSubstr("bad Size '+1'"));
  EXPECT_THAT(row_error("1,0,free,0x1,1e9,0"), HasSubstr("bad Size '1e9'"));
  EXPECT_THAT(row_error("1,0,free,0x1,18446744073709551616,0"), HasSubstr("bad Size"));
  EXPECT_THAT(row_error("1,0,free,0x1,1,stream"), HasSubstr("bad Stream 'stream'"));
}

TEST(TraceReader, RefusesRowsOfOtherWidth) {
  EXPECT_THAT(row_error("1,0,free,0x1,1"), HasSubstr("has 5 columns, but the header has 6"));
  EXPECT_THAT(row_error("1,0,free,0x1,1,0,9"), HasSubstr("has 7 columns"));
  EXPECT_THAT(row_error(std::string(200, ',')), HasSubstr("too many columns"));
}

TEST(TraceReader, ShowsUnprintableBytesEscaped) {
  const std::string error = row_error(std::string("1,0,fr\0ee\x1b[31m,0x1,1,0", 22));
  EXPECT_THAT(error, HasSubstr("fr\\x00ee\\x1b[31m"));
}

TEST(TraceReader, RefusesHeadersThatDoNotName) {
  EXPECT_THAT(read("Thread,Time,Action,Size\n").error,
              AllOf(HasSubstr("t.csv:1: "), HasSubstr("no column Pointer"),
                    HasSubstr(std::string(kTraceHeader))));
  EXPECT_THAT(read("1,00:00:00.1,allocate,0x10,1,0x0\n").error, HasSubstr("no column Action"));
  EXPECT_THAT(read("Action,Pointer,Size,size\n").error, HasSubstr("column Size twice"));
  EXPECT_THAT(read(std::string(300, ',') + "\n").error, HasSubstr("more than 64 columns"));
}

TEST(TraceReader, RefusesEmptyFiles) {
  EXPECT_THAT(read("").error, AllOf(HasSubstr("t.csv:1: "), HasSubstr("empty")));
}

TEST(TraceReader, AHeaderAloneIsATraceWithoutEvents) {
  EXPECT_EQ(read(kHeader).error, "");
  EXPECT_EQ(read(std::string(kTraceHeader)).error, "");
}

TEST(TraceReader, RefusesLongLinesWithoutBufferingThem) {
  EXPECT_THAT(read(std::string(10'000'000, 'a')).error, HasSubstr("longer than 4096 bytes"));
  EXPECT_THAT(read(kHeader + std::string(10'000'000, 'a') + "\n").error,
              AllOf(HasSubstr("t.csv:2: "), HasSubstr("longer than 4096 bytes")));
  EXPECT_THAT(read(kHeader + std::string(5000, ' ') + "\n").error, HasSubstr("longer than 4096"));
}

TEST(TraceReader, ACutRowIsRefusedOrAccepted) {
  const std::string cut = kHeader + "1,0,free,0x1,1,0\n1,0,fre";
  EXPECT_THAT(read(cut).error,
              AllOf(HasSubstr("t.csv:3: "), HasSubstr("cut off"), HasSubstr("--allow-truncated")));
  const Read accepted = read(cut, {.truncated_tail = TruncatedTail::kAccept});
  EXPECT_EQ(accepted.error, "");
  EXPECT_TRUE(accepted.truncated);
  EXPECT_EQ(accepted.events.size(), 1u);
}

TEST(TraceReader, ABadRowBeforeTheEndIsNeverAccepted) {
  const Read result =
      read(kHeader + "1,0,fre\n1,0,free,0x1,1,0\n", {.truncated_tail = TruncatedTail::kAccept});
  EXPECT_THAT(result.error, HasSubstr("t.csv:2: "));
}

TEST(TraceReader, StopsAtTheLimitOfRows) {
  std::string text = kHeader;
  for (int i = 0; i < 5; ++i) text += "1,0,free,0x1,1,0\n";
  EXPECT_EQ(read(text, {.max_events = 5}).error, "");
  const Read result = read(text, {.max_events = 4});
  EXPECT_THAT(result.error, AllOf(HasSubstr("t.csv:6: "), HasSubstr("more than 4 rows")));
}

TEST(TraceReader, NamesWhatCannotBeOpened) {
  TraceError error;
  EXPECT_EQ(TraceReader::open("/nonexistent/trace.csv", {}, error), nullptr);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("/nonexistent/trace.csv: cannot open"), HasSubstr("No such file")));
  EXPECT_EQ(TraceReader::open("/", {}, error), nullptr);
  EXPECT_THAT(error.message, HasSubstr("folder"));
}

}  // namespace
}  // namespace vc
