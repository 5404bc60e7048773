// Writing: what is written is read back, plain and compressed; nothing half is left behind.
#include "tools/trace/trace_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tools/trace/trace_reader.h"

namespace vc {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TraceWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vc_trace_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void write(const std::string& name, const std::vector<TraceEvent>& events) const {
    TraceError error;
    const auto writer = TraceWriter::create(path(name), error);
    ASSERT_NE(writer, nullptr) << error.message;
    for (const TraceEvent& event : events) ASSERT_TRUE(writer->write(event));
    ASSERT_TRUE(writer->close()) << writer->error().message;
    EXPECT_EQ(writer->bytes_written(), fs::file_size(path(name)));
  }
  std::vector<TraceEvent> read(const std::string& name, std::string& problem,
                               const TraceOptions& options = {}) const {
    std::vector<TraceEvent> events;
    TraceError error;
    const auto reader = TraceReader::open(path(name), options, error);
    problem = error.message;
    if (reader == nullptr) return events;
    TraceEvent event;
    while (reader->next(event) == TraceReader::Status::kEvent) events.push_back(event);
    problem = reader->error().message;
    return events;
  }
  std::string bytes(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
  }

  fs::path folder_;
};

std::vector<TraceEvent> random_events(std::size_t count) {
  std::mt19937_64 random(42);
  std::vector<TraceEvent> events;
  std::uint64_t time = 0;
  for (std::size_t i = 0; i < count; ++i) {
    time += random() % 1'000'000;
    events.push_back({static_cast<std::uint32_t>(random() % 9), time,
                      static_cast<TraceAction>(random() % 3), random(), random(), random() % 4});
  }
  return events;
}

TEST_F(TraceWriterTest, WritesRowsAsRmmDoes) {
  write("t.csv", {{3, 3'661'000'250, TraceAction::kAllocate, 0x7f10, 65536, 0}});
  EXPECT_EQ(bytes("t.csv"),
            "Thread,Time,Action,Pointer,Size,Stream\n"
            "3,01:01:01.000250,allocate,0x7f10,65536,0x0\n");
}

TEST_F(TraceWriterTest, ReadsBackWhatItWrote) {
  const auto events = random_events(20'000);
  for (const std::string name : {"t.csv", "t.csv.zst"}) {
    write(name, events);
    std::string problem;
    EXPECT_EQ(read(name, problem), events) << name << " " << problem;
  }
  EXPECT_LT(fs::file_size(path("t.csv.zst")), fs::file_size(path("t.csv")));
  EXPECT_EQ(bytes("t.csv.zst").substr(0, 4), "\x28\xb5\x2f\xfd");
}

TEST_F(TraceWriterTest, CompressionIsFoundByContentNotByName) {
  const auto events = random_events(10);
  write("t.zst", events);
  fs::rename(path("t.zst"), path("t.csv"));
  std::string problem;
  EXPECT_EQ(read("t.csv", problem), events) << problem;
}

TEST_F(TraceWriterTest, ReadsJoinedFrames) {
  write("a.zst", random_events(100));
  put("two.zst", bytes("a.zst") + bytes("a.zst"));
  std::string problem;
  EXPECT_EQ(read("two.zst", problem).size(), 200u) << problem;
}

TEST_F(TraceWriterTest, EveryCutOfACompressedTraceIsSeen) {
  write("t.zst", random_events(300));
  const std::string whole = bytes("t.zst");
  for (std::size_t length = 4; length < whole.size(); length += 7) {
    put("cut.zst", whole.substr(0, length));
    std::string problem;
    read("cut.zst", problem);
    EXPECT_THAT(problem, HasSubstr("zstd data ends")) << length;
  }
}

TEST_F(TraceWriterTest, ACutCompressedTraceCanBeAccepted) {
  write("t.zst", random_events(60'000));
  const std::string whole = bytes("t.zst");
  put("cut.zst", whole.substr(0, whole.size() / 2));
  std::string problem;
  const auto events = read("cut.zst", problem, {.truncated_tail = TruncatedTail::kAccept});
  EXPECT_EQ(problem, "");
  EXPECT_GT(events.size(), 1000u);
  EXPECT_LT(events.size(), 60'000u);
}

TEST_F(TraceWriterTest, CorruptCompressedDataIsRefused) {
  write("t.zst", random_events(300));
  const std::string whole = bytes("t.zst");
  for (std::size_t at = 4; at < whole.size(); at += 11) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x5a);
    put("broken.zst", broken);
    std::string problem;
    read("broken.zst", problem);
    EXPECT_NE(problem, "") << "the checksum must show the change at " << at;
  }
}

TEST_F(TraceWriterTest, AnUnfinishedTraceLeavesNothing) {
  put("t.csv", "older");
  {
    TraceError error;
    const auto writer = TraceWriter::create(path("t.csv"), error);
    ASSERT_NE(writer, nullptr);
    writer->write({});
  }
  EXPECT_EQ(bytes("t.csv"), "older");
  EXPECT_FALSE(fs::exists(path("t.csv.part")));
}

TEST_F(TraceWriterTest, SaysWhyAFileCannotBeMade) {
  TraceError error;
  EXPECT_EQ(TraceWriter::create(path("no/such/folder.csv"), error), nullptr);
  EXPECT_THAT(error.message, HasSubstr("No such file"));
  EXPECT_EQ(error.kind, TraceError::Kind::kInput);
}

TEST_F(TraceWriterTest, AFullDiskIsAnError) {
  TraceError error;
  const auto writer = TraceWriter::create("/dev/full", error);
  ASSERT_NE(writer, nullptr) << error.message;
  writer->write({});
  EXPECT_FALSE(writer->close());
  EXPECT_EQ(writer->error().kind, TraceError::Kind::kMachine);
  EXPECT_THAT(writer->error().message, HasSubstr("/dev/full"));
}

}  // namespace
}  // namespace vc
