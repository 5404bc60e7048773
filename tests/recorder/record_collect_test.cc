// Merging buffers: files made by hand, as living and dying processes leave them.
#include "tools/vcompound/record_collect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tools/recorder/buffer_format.h"
#include "tools/trace/trace_writer.h"

namespace vc::tool {
namespace {

namespace fs = std::filesystem;
using recorder::BufferAction;
using recorder::BufferEvent;
using recorder::BufferHeader;

struct Event {
  std::uint64_t us;
  BufferAction action;
  std::uint64_t pointer;
  std::uint64_t size;
  std::uint32_t thread = 0;
};
constexpr auto kAllocate = BufferAction::kAllocate;
constexpr auto kFree = BufferAction::kFree;

class RecordCollectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vc_collect_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// A buffer file; `slots` may claim more events than there are.
  void buffer(std::uint32_t pid, std::uint64_t start_us, const std::vector<Event>& events,
              std::uint64_t end_us = 0, std::uint64_t slots = 0) {
    std::string bytes(recorder::kHeaderBytes + events.size() * sizeof(BufferEvent), '\0');
    BufferHeader header{};
    header.magic = recorder::kBufferMagic;
    header.pid = pid;
    header.start_ns = start_us * 1000;
    header.end_ns = end_us * 1000;
    header.next_slot = slots != 0 ? slots : events.size();
    header.lost = pid == 99 ? 5 : 0;
    std::memcpy(bytes.data(), static_cast<const void*>(&header), sizeof header);
    for (std::size_t i = 0; i < events.size(); ++i) {
      BufferEvent event{events[i].us * 1000, events[i].pointer, events[i].size, events[i].thread,
                        events[i].action};
      std::memcpy(bytes.data() + recorder::kHeaderBytes + i * sizeof event,
                  static_cast<const void*>(&event), sizeof event);
    }
    put(std::to_string(pid) + "-" + std::to_string(start_us) + recorder::kBufferSuffix, bytes);
  }
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  /// The rows without the header.
  std::string collect() {
    TraceError error;
    const auto writer = TraceWriter::create((folder_ / "t.csv").string(), error);
    EXPECT_NE(writer, nullptr) << error.message;
    summary_ = collect_recording(folder_.string(), *writer);
    EXPECT_TRUE(writer->close());
    std::ifstream file(folder_ / "t.csv");
    std::string header;
    std::getline(file, header);
    std::stringstream rows;
    rows << file.rdbuf();
    return rows.str();
  }

  fs::path folder_;
  RecordingSummary summary_;
};

TEST_F(RecordCollectTest, MergesByTimeAndTagsProcesses) {
  buffer(20, 100, {{150, kAllocate, 0x1000, 64, 0}, {170, kFree, 0x1000, 64, 1}});
  buffer(10, 140, {{160, kAllocate, 0x1000, 32, 0}, {180, kFree, 0x1000, 32, 0}});
  EXPECT_EQ(collect(),
            "0,00:00:00.000050,allocate,0x1000,64,0x0\n"
            "1,00:00:00.000060,allocate,0x1000000001000,32,0x1\n"
            "2,00:00:00.000070,free,0x1000,64,0x0\n"
            "1,00:00:00.000080,free,0x1000000001000,32,0x1\n");
  EXPECT_EQ(summary_.processes, 2u);
  EXPECT_EQ(summary_.threads, 3u);
  EXPECT_EQ(summary_.duration_us, 30u);
}

TEST_F(RecordCollectTest, PassesOverSlotsThatWereNeverWritten) {
  buffer(1, 0,
         {{10, kAllocate, 0x10, 1}, {0, BufferAction::kNotWritten, 0, 0}, {30, kFree, 0x10, 1}}, 0,
         1'000'000);
  EXPECT_EQ(collect(),
            "0,00:00:00.000010,allocate,0x10,1,0x0\n"
            "0,00:00:00.000030,free,0x10,1,0x0\n");
}

TEST_F(RecordCollectTest, TimesNeverGoBackWithinAProcess) {
  buffer(1, 0, {{50, kAllocate, 0x10, 1}, {40, kFree, 0x10, 1}});
  EXPECT_EQ(collect(),
            "0,00:00:00.000050,allocate,0x10,1,0x0\n"
            "0,00:00:00.000050,free,0x10,1,0x0\n");
}

TEST_F(RecordCollectTest, AnEndFreesWhatWasHeldWhileOthersGoOn) {
  buffer(1, 0, {{10, kAllocate, 0x10, 1}, {15, kAllocate, 0x20, 2}}, 30);
  buffer(2, 5, {{20, kAllocate, 0x30, 3}, {40, kAllocate, 0x40, 4}}, 50);
  EXPECT_EQ(collect(),
            "0,00:00:00.000010,allocate,0x10,1,0x0\n"
            "0,00:00:00.000015,allocate,0x20,2,0x0\n"
            "1,00:00:00.000020,allocate,0x1000000000030,3,0x1\n"
            "0,00:00:00.000030,free,0x10,1,0x0\n"
            "0,00:00:00.000030,free,0x20,2,0x0\n"
            "1,00:00:00.000040,allocate,0x1000000000040,4,0x1\n");
  EXPECT_EQ(summary_.freed_at_end, 2u);
}

TEST_F(RecordCollectTest, AKilledProcessEndsAtItsLastEventAndExecAtTheNextImage) {
  buffer(1, 0, {{10, kAllocate, 0x10, 1}});
  buffer(2, 1, {{11, kAllocate, 0x20, 2}});
  buffer(2, 30, {{40, kAllocate, 0x30, 3}});
  EXPECT_EQ(collect(),
            "0,00:00:00.000010,allocate,0x10,1,0x0\n"
            "0,00:00:00.000010,free,0x10,1,0x0\n"
            "1,00:00:00.000011,allocate,0x1000000000020,2,0x1\n"
            "1,00:00:00.000030,free,0x1000000000020,2,0x1\n"
            "2,00:00:00.000040,allocate,0x2000000000030,3,0x2\n");
}

TEST_F(RecordCollectTest, OtherFilesAndHalfHeadersAreNoBuffers) {
  put("note.txt", "hello");
  put("short" + std::string(recorder::kBufferSuffix), "CVCREC01");
  put("zero" + std::string(recorder::kBufferSuffix), std::string(8192, '\0'));
  buffer(99, 0, {});
  EXPECT_EQ(collect(), "");
  EXPECT_EQ(summary_.images, 1u);
  EXPECT_EQ(summary_.processes, 0u);
  EXPECT_EQ(summary_.lost, 5u);
}

}  // namespace
}  // namespace vc::tool
