// The buffer file is opened for each segment anew and never kept open: programs close descriptors
// that they do not know, or find their own numbers taken.
#include "tools/recorder/event_buffer.h"

#include <unistd.h>

#include <cstdio>

#include "tools/recorder/raw_system.h"

namespace vc::recorder {

/// Maps a part of the file, with its disk space taken first: a store must never end in SIGBUS.
void* EventBuffer::map_part(std::uint64_t offset, std::size_t bytes, int open_flags) {
  const int descriptor = raw_open(path_.data(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | open_flags);
  if (descriptor < 0) return nullptr;
  void* memory = MAP_FAILED;
  if (raw_fallocate(descriptor, offset, bytes)) {
    memory = raw_mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor,
                      static_cast<long>(offset));
  }
  raw_close(descriptor);
  return memory == MAP_FAILED ? nullptr : memory;
}

bool EventBuffer::open(const char* folder) {
  const std::uint64_t start = now_ns();
  const int length = ::snprintf(path_.data(), path_.size(), "%s/%d-%llu%s", folder, ::getpid(),
                                static_cast<unsigned long long>(start), kBufferSuffix);
  if (length < 0 || static_cast<std::size_t>(length) >= path_.size()) return false;
  void* const memory = map_part(0, kHeaderBytes, O_CREAT | O_EXCL);
  if (memory == nullptr) return false;
  header_ = static_cast<BufferHeader*>(memory);
  header_->start_ns = start;
  header_->pid = static_cast<std::uint32_t>(::getpid());
  std::atomic_thread_fence(std::memory_order_release);
  header_->magic = kBufferMagic;
  return true;
}

/// The segment of that index, mapped if need be; null when there is no room.
BufferEvent* EventBuffer::segment(std::size_t index) {
  if (index >= kMaxSegments) return nullptr;
  BufferEvent* events = segments_[index].load(std::memory_order_acquire);
  if (events != nullptr || full_.load(std::memory_order_relaxed)) return events;
  const SpinGuard guard(grow_lock_);
  events = segments_[index].load(std::memory_order_acquire);
  if (events != nullptr) return events;
  events =
      static_cast<BufferEvent*>(map_part(kHeaderBytes + index * kSegmentBytes, kSegmentBytes, 0));
  if (events == nullptr) {
    full_.store(true, std::memory_order_relaxed);
    return nullptr;
  }
  segments_[index].store(events, std::memory_order_release);
  return events;
}

void EventBuffer::append(BufferAction action, std::uint64_t pointer, std::uint64_t size,
                         std::uint32_t thread) {
  const std::uint64_t slot = header_->next_slot.fetch_add(1, std::memory_order_relaxed);
  BufferEvent* const events = segment(slot / kSegmentEvents);
  if (events == nullptr) {
    count_lost();
    return;
  }
  BufferEvent& event = events[slot % kSegmentEvents];
  event.time_ns = now_ns();
  event.pointer = pointer;
  event.size = size;
  event.thread = thread;
  event.action.store(action, std::memory_order_release);
}

void EventBuffer::mark_end() {
  if (header_ != nullptr) header_->end_ns.store(now_ns(), std::memory_order_relaxed);
}

}  // namespace vc::recorder
