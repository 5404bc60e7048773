// The recorder end to end: a program of known allocations is recorded, and the trace must hold
// exactly these.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tools/trace/trace.h"

#if defined(__SANITIZE_ADDRESS__)
#define VC_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VC_ADDRESS_SANITIZER 1
#endif
#endif

namespace vc {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::string kSubject = VC_RECORDER_SUBJECT;

/// "+size" an allocation, "-size" a free, "!size" a failure, with "k:" in front for process k > 0.
using Events = std::vector<std::string>;

std::string describe(const TraceEvent& event) {
  const char* const mark = event.action == TraceAction::kAllocate ? "+"
                           : event.action == TraceAction::kFree   ? "-"
                                                                  : "!";
  const std::string process = event.stream == 0 ? "" : std::to_string(event.stream) + ":";
  return process + mark + std::to_string(event.size);
}

class RecorderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vc_recorder_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Runs `record` with these words behind its fixed options; the answer is its exit status.
  int record(const std::string& words) {
    const std::string line = std::string(VC_TEST_BIN_DIR) +
                             "/vcompound record --min-size 100000 -o " + trace_path() +
                             " --buffer-dir " + folder_.string() + " " + words + " 2>&1";
    FILE* const pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) return -1;
    output_.clear();
    std::array<char, 4096> chunk;
    while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), pipe)) {
      output_.append(chunk.data(), got);
    }
    const int status = ::pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int record_mode(const std::string& mode) { return record("-- " + kSubject + " " + mode); }

  std::string trace_path() const { return (folder_ / "trace.csv").string(); }
  /// The rows; they must also fit together.
  Events events() {
    TraceError error;
    trace_ = load_trace(trace_path(), {.strictness = Strictness::kRefuse}, error);
    EXPECT_TRUE(trace_.has_value()) << error.message << "\n" << output_;
    Events result;
    const auto reader = TraceReader::open(trace_path(), {}, error);
    if (reader == nullptr) return result;
    TraceEvent event;
    while (reader->next(event) == TraceReader::Status::kEvent) result.push_back(describe(event));
    return result;
  }
  /// After a recording nothing but the trace is left in the folder.
  std::size_t files_left() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
  std::string output_;
  std::optional<Trace> trace_;
};

TEST_F(RecorderTest, MallocFamily) {
  ASSERT_EQ(record_mode("malloc"), 0) << output_;
  EXPECT_THAT(events(), ElementsAre("+100001", "-100001", "+101000", "-101000", "+100100",
                                    "-100100", "+100003", "-100003"));
  EXPECT_THAT(output_, HasSubstr("4 allocations and 4 frees"));
  EXPECT_EQ(files_left(), 1u);
}

TEST_F(RecorderTest, ReallocIsFreeAndAllocate) {
  ASSERT_EQ(record_mode("realloc"), 0) << output_;
  EXPECT_THAT(events(),
              ElementsAre("+100001", "-100001", "+200001", "-200001", "+150000", "-150000",
                          "+100007", "-100007", "!4611686018427387903", "+100007", "-100007"));
}

TEST_F(RecorderTest, AlignedVariants) {
  ASSERT_EQ(record_mode("aligned"), 0) << output_;
  EXPECT_THAT(events(), ElementsAre("+100001", "-100001", "+100002", "-100002", "+100032",
                                    "-100032", "+100003", "-100003"));
}

const auto kNewEvents =
    ElementsAre("+100001", "-100001", "+100002", "-100002", "+128001", "-128001", "+128000",
                "-128000", "+256000", "-256000", "+128000", "-128000");

TEST_F(RecorderTest, OperatorNewAndDelete) {
  ASSERT_EQ(record_mode("new"), 0) << output_;
  EXPECT_THAT(events(), kNewEvents);
}

TEST_F(RecorderTest, OperatorNewLinkedStatically) {
  ASSERT_EQ(record("-- " + kSubject + "_static_new new"), 0) << output_;
  EXPECT_THAT(events(), kNewEvents);
}

TEST_F(RecorderTest, OperatorNewStillThrows) {
#ifdef VC_ADDRESS_SANITIZER
  GTEST_SKIP() << "AddressSanitizer ends the program where operator new would throw";
#endif
  ASSERT_EQ(record_mode("bad_new"), 0) << output_;
  EXPECT_THAT(events(), ElementsAre("!4611686018427387903", "!4611686018427387903"));
}

TEST_F(RecorderTest, AnonymousMappings) {
  ASSERT_EQ(record_mode("mmap"), 0) << output_;
  EXPECT_THAT(events(),
              ElementsAre("+1048576",                                  // mapped
                          "-1048576", "+262144", "+524288",            // a hole in the middle
                          "-524288", "+262144", "+131072", "+131072",  // mapped over a part
                          "-262144", "-262144", "-131072", "-131072",  // all unmapped at once
                          "+131072", "-131072", "+2097152", "-2097152"));
}

TEST_F(RecorderTest, ThreadsThatFreeForEachOther) {
  ASSERT_EQ(record_mode("threads"), 0) << output_;
  EXPECT_EQ(events().size(), 4000u);
  EXPECT_EQ(trace_->stats.threads, 8u);
  EXPECT_EQ(trace_->stats.peak_live_objects, 2000u);
  EXPECT_EQ(trace_->stats.left_live_objects, 0u);
}

TEST_F(RecorderTest, AForkedChildHasItsOwnPointers) {
  ASSERT_EQ(record_mode("fork"), 0) << output_;
  EXPECT_THAT(events(), ElementsAre("+100001", "1:+100002", "1:-100002", "1:+100003",
                                    "1:-100003",  // given back by the child's end
                                    "-100001"));
}

TEST_F(RecorderTest, ExecGivesTheMemoryBack) {
  ASSERT_EQ(record_mode("exec"), 0) << output_;
  EXPECT_THAT(events(),
              ElementsAre("+300001", "-300001", "1:+100001", "1:-100001", "1:+101000", "1:-101000",
                          "1:+100100", "1:-100100", "1:+100003", "1:-100003"));
}

TEST_F(RecorderTest, SpawnedChildren) {
  ASSERT_EQ(record_mode("spawn"), 0) << output_;
  const Events all = events();
  ASSERT_EQ(all.size(), 10u);
  EXPECT_EQ(all.front(), "+300001");
  EXPECT_EQ(all.back(), "-300001");
  EXPECT_EQ(all[1], "1:+100001");
}

TEST_F(RecorderTest, DescendantsThatOutliveTheProgram) {
  ASSERT_EQ(record_mode("daemon"), 0) << output_;
  EXPECT_THAT(events(), ElementsAre("+100009", "-100009"));
}

TEST_F(RecorderTest, ASegmentationFaultLosesNothing) {
  EXPECT_EQ(record_mode("segv"), 128 + 11) << output_;
  EXPECT_THAT(events(), ElementsAre("+100001", "+100002", "-100001"));
  EXPECT_THAT(output_, HasSubstr("ended by signal 11"));
}

TEST_F(RecorderTest, SigkillLosesNothing) {
  EXPECT_EQ(record_mode("kill"), 128 + 9) << output_;
  EXPECT_THAT(events(), ElementsAre("+100001", "+100002", "-100001"));
}

TEST_F(RecorderTest, ManyEventsFillManySegments) {
  ASSERT_EQ(record_mode("many"), 0) << output_;
  EXPECT_EQ(events().size(), 60'000u);
}

TEST_F(RecorderTest, TheProgramMayCloseAllDescriptorsAndLeaveItsFolder) {
  ASSERT_EQ(record_mode("closed"), 0) << output_;
  EXPECT_EQ(events().size(), 60'000u);
}

TEST_F(RecorderTest, ForksWhileThreadsAllocate) {
  ASSERT_EQ(record_mode("fork_storm"), 0) << output_;
  EXPECT_EQ(events().size(), 20'000u + 40u);
  EXPECT_THAT(output_, HasSubstr("processes: 21)"));
}

TEST_F(RecorderTest, AFullBufferIsReportedAndHarmless) {
  // The limit stands for a full disk: 600 KiB hold the header and two segments.
  ASSERT_EQ(record("-- /bin/bash -c 'ulimit -f 600; " + kSubject + " many; true'"), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("events found no room"));
  EXPECT_EQ(events().size(), 16'384u);
}

TEST_F(RecorderTest, KeepsAPreloadThatIsAlreadyThere) {
  ASSERT_EQ(record("-- /bin/bash -c 'echo $LD_PRELOAD'"), 0);
  EXPECT_THAT(output_, HasSubstr("libvcompound_recorder.so"));
  EXPECT_THAT(output_, ::testing::Not(HasSubstr("recorder.so:")));
  ::setenv("LD_PRELOAD", "libc.so.6", 1);
  ASSERT_EQ(record("-- /bin/bash -c 'echo $LD_PRELOAD'"), 0);
  ::unsetenv("LD_PRELOAD");
  EXPECT_THAT(output_, HasSubstr("libvcompound_recorder.so:libc.so.6"));
}

TEST_F(RecorderTest, ARecorderInAFolderWithBlanksIsPreloaded) {
  const fs::path blank = folder_ / "a b:c";
  fs::create_directory(blank);
  fs::copy(fs::path(VC_TEST_BIN_DIR) / "libvcompound_recorder.so", blank / "r.so");
  ASSERT_EQ(record("--recorder '" + (blank / "r.so").string() + "' -- " + kSubject + " malloc"), 0)
      << output_;
  EXPECT_EQ(events().size(), 8u);
}

TEST_F(RecorderTest, PassesTheExitStatusOn) {
  EXPECT_EQ(record_mode("exit7"), 7);
  EXPECT_THAT(output_, HasSubstr("exited with status 7"));
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(RecorderTest, RecordsShellPipelines) {
  ASSERT_EQ(record("-- /bin/sh -c '" + kSubject + " malloc | " + kSubject + " malloc'"), 0);
  EXPECT_EQ(events().size(), 16u);
}

TEST_F(RecorderTest, OtherMallocLibrariesAreNotCountedTwice) {
  const std::vector<std::string> others = {VC_RECORDER_OTHER_SUBJECTS};
  for (const std::string& subject : others) {
    ASSERT_EQ(record("-- " + subject + " malloc"), 0) << output_;
    EXPECT_EQ(events().size(), 8u) << subject;
    ASSERT_EQ(record("-- " + subject + " new"), 0) << output_;
    EXPECT_THAT(events(), kNewEvents) << subject;
    ASSERT_EQ(record("-- " + subject + " threads"), 0) << output_;
    EXPECT_EQ(events().size(), 4000u) << subject;
  }
}

TEST_F(RecorderTest, AStaticProgramIsAnErrorThatSaysSo) {
  EXPECT_EQ(record("-- " + kSubject + "_static malloc"), 3);
  EXPECT_THAT(output_, HasSubstr("did not load the recorder"));
  EXPECT_FALSE(fs::exists(trace_path()));
}

TEST_F(RecorderTest, UsageErrors) {
  EXPECT_EQ(record("-- /no/such/program"), 2);
  EXPECT_THAT(output_, HasSubstr("cannot run '/no/such/program'"));
  EXPECT_EQ(record(""), 2);
  EXPECT_EQ(record("--min-size 0 -- true"), 2);
  EXPECT_EQ(record("--level 20 -- true"), 2);
  EXPECT_EQ(record("--buffer-dir /no/such/folder -- true"), 2);
  EXPECT_EQ(record("--recorder /no/such/library.so -- true"), 3);
  EXPECT_EQ(files_left(), 0u);
}

TEST_F(RecorderTest, AnUnwritableTraceIsSeenBeforeTheProgramRuns) {
  const std::string ran = (folder_ / "ran").string();
  const std::string line = std::string(VC_TEST_BIN_DIR) +
                           "/vcompound record -o /no/such/folder/t.csv -- touch " + ran +
                           " >/dev/null 2>&1";
  const int status = std::system(line.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_FALSE(fs::exists(ran));
}

}  // namespace
}  // namespace vc
