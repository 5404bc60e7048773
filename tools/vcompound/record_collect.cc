// record_collect.cc — one cursor for each buffer file, merged by time.
#include "tools/vcompound/record_collect.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <queue>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tools/recorder/buffer_format.h"
#include "tools/vcompound/common/exit_code.h"

namespace vc::tool {
namespace {

using recorder::BufferAction;
using recorder::BufferEvent;
using recorder::BufferHeader;

constexpr unsigned kProcessShift = 48;

/// A buffer file, mapped, and the place up to which it has been merged.
class BufferCursor {
 public:
  /// Null if the file is no buffer (its process died before it wrote the header).
  static std::unique_ptr<BufferCursor> open(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail(path, errno);
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) fail(path, errno);
    const auto bytes = static_cast<std::size_t>(status.st_size);
    if (bytes < recorder::kHeaderBytes) {
      ::close(descriptor);
      return nullptr;
    }
    void* const memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    const int code = errno;
    ::close(descriptor);
    if (memory == MAP_FAILED) fail(path, code);
    std::unique_ptr<BufferCursor> cursor(new BufferCursor(memory, bytes));
    return cursor->header().magic == recorder::kBufferMagic ? std::move(cursor) : nullptr;
  }
  BufferCursor(const BufferCursor&) = delete;
  BufferCursor& operator=(const BufferCursor&) = delete;
  ~BufferCursor() { ::munmap(memory_, bytes_); }

  const BufferHeader& header() const { return *static_cast<const BufferHeader*>(memory_); }
  /// The event to merge next; null at the end. Its time is time_ns().
  const BufferEvent* current() const { return current_; }
  /// Never less than that of the events before: slots are in order, clock readings almost.
  std::uint64_t time_ns() const { return time_ns_; }

  /// Goes to the next written slot.
  void advance() {
    for (current_ = nullptr; slot_ < slots_ && current_ == nullptr; ++slot_) {
      const BufferEvent& event = events()[slot_];
      if (event.action.load(std::memory_order_acquire) == BufferAction::kNotWritten) continue;
      time_ns_ = std::max(time_ns_, event.time_ns);
      current_ = &event;
    }
  }

 private:
  BufferCursor(void* memory, std::size_t bytes) : memory_(memory), bytes_(bytes) {
    const std::uint64_t room = (bytes - recorder::kHeaderBytes) / sizeof(BufferEvent);
    slots_ = std::min(room, header().next_slot.load(std::memory_order_acquire));
  }
  const BufferEvent* events() const {
    return reinterpret_cast<const BufferEvent*>(static_cast<const char*>(memory_) +
                                                recorder::kHeaderBytes);
  }
  [[noreturn]] static void fail(const std::string& path, int code) {
    throw ToolError(
        ExitCode::kMachineLacks,
        "record: cannot read the buffer " + path + ": " + std::generic_category().message(code),
        "Record again with --buffer-dir on another disk.");
  }

  void* memory_;
  std::size_t bytes_;
  std::uint64_t slots_ = 0;
  std::uint64_t slot_ = 0;
  std::uint64_t time_ns_ = 0;
  const BufferEvent* current_ = nullptr;
};

/// One program image: its cursor, what it holds, and when it ended.
struct Image {
  std::unique_ptr<BufferCursor> cursor;
  std::uint64_t stream = 0;
  std::uint64_t exec_ns = 0;  ///< when the same process executed another program; 0: it did not
  std::map<std::uint64_t, std::uint64_t> live;  ///< pointer → bytes; ordered, so runs are equal
  std::unordered_map<std::uint32_t, std::uint32_t> threads;
  std::uint32_t last_thread = 0;

  /// By exit, else by exec, else (killed), as far as is known, with its last event.
  std::uint64_t end_ns() const {
    const std::uint64_t exit_ns = cursor->header().end_ns.load(std::memory_order_acquire);
    return std::max(cursor->time_ns(), exit_ns != 0 ? exit_ns : exec_ns);
  }
};

std::vector<Image> open_images(const std::string& folder) {
  std::vector<Image> images;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != recorder::kBufferSuffix) continue;
    Image image;
    image.cursor = BufferCursor::open(entry.path().string());
    if (image.cursor != nullptr) images.push_back(std::move(image));
  }
  std::sort(images.begin(), images.end(), [](const Image& a, const Image& b) {
    return std::pair(a.cursor->header().start_ns, a.cursor->header().pid) <
           std::pair(b.cursor->header().start_ns, b.cursor->header().pid);
  });
  std::unordered_map<std::uint32_t, Image*> last_of_pid;
  for (Image& image : images) {
    const BufferHeader& header = image.cursor->header();
    Image*& last = last_of_pid[header.pid];
    if (last != nullptr) last->exec_ns = header.start_ns;
    last = &image;
  }
  return images;
}

class Merger {
 public:
  Merger(std::vector<Image>& images, TraceWriter& writer) : images_(images), writer_(writer) {}

  RecordingSummary run() {
    summary_.images = images_.size();
    for (Image& image : images_) begin(image);
    while (!due_.empty() && events_left_ > 0) {
      const Due due = due_.top();
      due_.pop();
      if (due.image->cursor->current() != nullptr) {
        merge_event(*due.image, due.time_ns);
      } else {
        end(*due.image, due.time_ns);
      }
    }
    summary_.duration_us = last_us_ - std::min(first_us_, last_us_);
    return summary_;
  }

 private:
  struct Due {
    std::uint64_t time_ns;
    Image* image;
    bool operator>(const Due& other) const {
      return std::pair(time_ns, image) > std::pair(other.time_ns, other.image);
    }
  };

  void begin(Image& image) {
    summary_.lost += image.cursor->header().lost.load(std::memory_order_relaxed);
    image.cursor->advance();
    if (image.cursor->current() == nullptr) return;
    image.stream = summary_.processes++;
    ++events_left_;
    due_.push({image.cursor->time_ns(), &image});
  }
  void merge_event(Image& image, std::uint64_t time_ns);
  void end(Image& image, std::uint64_t time_ns);
  void write(const Image& image, TraceEvent event, std::uint64_t time_ns);

  std::vector<Image>& images_;
  TraceWriter& writer_;
  RecordingSummary summary_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::uint64_t events_left_ = 0;  // images that still have events
  std::uint64_t first_us_ = UINT64_MAX;
  std::uint64_t last_us_ = 0;
};

void Merger::write(const Image& image, TraceEvent event, std::uint64_t time_ns) {
  event.time_us = (time_ns - images_.front().cursor->header().start_ns) / 1000;
  event.stream = image.stream;
  if (event.pointer != 0) event.pointer ^= image.stream << kProcessShift;
  first_us_ = std::min(first_us_, event.time_us);
  last_us_ = std::max(last_us_, event.time_us);
  if (!writer_.write(event)) {
    throw ToolError(ExitCode::kMachineLacks, "record: " + writer_.error().message);
  }
}

void Merger::merge_event(Image& image, std::uint64_t time_ns) {
  const BufferEvent& source = *image.cursor->current();
  const auto [thread, fresh] =
      image.threads.try_emplace(source.thread, static_cast<std::uint32_t>(summary_.threads));
  if (fresh) ++summary_.threads;
  image.last_thread = thread->second;
  TraceEvent event{thread->second, 0, TraceAction::kAllocate, source.pointer, source.size, 0};
  switch (source.action.load(std::memory_order_relaxed)) {
    case BufferAction::kAllocate:
      ++summary_.allocates;
      image.live[source.pointer] = source.size;
      break;
    case BufferAction::kFree:
      event.action = TraceAction::kFree;
      ++summary_.frees;
      image.live.erase(source.pointer);
      break;
    default: event.action = TraceAction::kAllocateFailure; ++summary_.failures;
  }
  write(image, event, time_ns);
  image.cursor->advance();
  if (image.cursor->current() == nullptr) --events_left_;
  due_.push(
      {image.cursor->current() != nullptr ? image.cursor->time_ns() : image.end_ns(), &image});
}

/// The process is gone and others still have events: what it held went back to the system.
void Merger::end(Image& image, std::uint64_t time_ns) {
  for (const auto& [pointer, bytes] : image.live) {
    write(image, {image.last_thread, 0, TraceAction::kFree, pointer, bytes, 0}, time_ns);
    ++summary_.frees;
    ++summary_.freed_at_end;
  }
}

}  // namespace

RecordingSummary collect_recording(const std::string& folder, TraceWriter& writer) {
  std::vector<Image> images = open_images(folder);
  return Merger(images, writer).run();
}

}  // namespace vc::tool
