// Opening, thread numbers, and the events of allocations and mappings.
#include "tools/recorder/process_recorder.h"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "tools/recorder/raw_system.h"

namespace vc::recorder {

constinit std::atomic<std::uint64_t> g_min_size{0};
constinit std::atomic<ProcessRecorder*> g_recorder{nullptr};

namespace {

enum class Setup : std::uint32_t { kUnknown = 0, kRunning, kOn, kOff };

std::atomic<Setup> g_setup{Setup::kUnknown};
char g_folder[768];

struct ThreadState {
  std::uint64_t identity;  // the process to which `number` belongs
  std::uint64_t serial;    // allocations recorded so far
  const void* last;        // the last of them
  std::uint32_t number;
};
thread_local constinit ThreadState t_thread{};

std::uint64_t decimal(const char* text) {
  char* end = nullptr;
  const unsigned long long value = ::strtoull(text, &end, 10);
  return *text == '\0' || *end != '\0' ? 0 : value;
}

/// Reads the environment of this image; null if it asks for no recording.
void* set_up() {
  const char* const folder = ::getenv(kFolderVariable);
  const char* const min_size = ::getenv(kMinSizeVariable);
  if (folder == nullptr || min_size == nullptr || ::strlen(folder) >= sizeof g_folder) {
    return nullptr;
  }
  ::memcpy(g_folder, folder, ::strlen(folder) + 1);
  const std::uint64_t bytes = decimal(min_size);
  g_min_size.store(bytes == 0 ? 1 : bytes, std::memory_order_relaxed);
  return map_wiped_on_fork(sizeof(ProcessRecorder));
}

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

}  // namespace

NestedCall::NestedCall() : serial_(t_thread.serial) {}

bool NestedCall::recorded(const void* pointer) const {
  return t_thread.serial != serial_ && t_thread.last == pointer;
}

/// Sets up on the first call for which the C library has an environment.
bool ProcessRecorder::set_up_once() {
  Setup seen = g_setup.load(std::memory_order_acquire);
  if (seen != Setup::kUnknown) return seen == Setup::kOn;
  if (environ == nullptr) return false;
  if (!g_setup.compare_exchange_strong(seen, Setup::kRunning, std::memory_order_acq_rel)) {
    return seen == Setup::kOn;
  }
  const int saved_errno = errno;
  auto* const recorder = static_cast<ProcessRecorder*>(set_up());
  errno = saved_errno;
  g_recorder.store(recorder, std::memory_order_release);
  if (recorder == nullptr) g_min_size.store(UINT64_MAX, std::memory_order_relaxed);
  g_setup.store(recorder == nullptr ? Setup::kOff : Setup::kOn, std::memory_order_release);
  return recorder != nullptr;
}

ProcessRecorder* ProcessRecorder::get() {
  if (!set_up_once()) return nullptr;
  ProcessRecorder* const recorder = g_recorder.load(std::memory_order_acquire);
  return recorder->ready() ? recorder : nullptr;
}

ProcessRecorder* ProcessRecorder::if_recording() {
  ProcessRecorder* const recorder = g_recorder.load(std::memory_order_acquire);
  if (recorder == nullptr) return nullptr;
  const Phase phase = recorder->phase_.load(std::memory_order_acquire);
  return phase == Phase::kRecording ? recorder : nullptr;
}

void ProcessRecorder::finish() {
  if (ProcessRecorder* const recorder = if_recording()) recorder->buffer_.mark_end();
}

bool ProcessRecorder::ready() {
  Phase phase = phase_.load(std::memory_order_acquire);
  if (phase == Phase::kRecording) return true;
  if (phase == Phase::kFresh &&
      phase_.compare_exchange_strong(phase, Phase::kOpening, std::memory_order_acq_rel)) {
    phase = open();
    phase_.store(phase, std::memory_order_release);
  }
  while (phase == Phase::kOpening) {
    ::sched_yield();
    phase = phase_.load(std::memory_order_acquire);
  }
  return phase == Phase::kRecording;
}

ProcessRecorder::Phase ProcessRecorder::open() {
  const int saved_errno = errno;
  const bool opened = buffer_.open(g_folder);
  identity_ = now_ns() ^ (static_cast<std::uint64_t>(::getpid()) << 40);
  errno = saved_errno;
  return opened ? Phase::kRecording : Phase::kOff;
}

std::uint32_t ProcessRecorder::thread_number() {
  if (t_thread.identity != identity_) {
    t_thread.identity = identity_;
    t_thread.number = next_thread_.fetch_add(1, std::memory_order_relaxed);
  }
  return t_thread.number;
}

void ProcessRecorder::append(BufferAction action, std::uint64_t pointer, std::uint64_t size) {
  const int saved_errno = errno;
  buffer_.append(action, pointer, size, thread_number());
  errno = saved_errno;
}

void ProcessRecorder::allocated(const void* pointer, std::uint64_t size) {
  if (is_small(size)) return;  // only now is it known
  const std::uint64_t address = address_of(pointer);
  std::uint64_t old_size = 0;
  const LiveTable::Insert result = live_.insert(address, size, old_size);
  if (result == LiveTable::Insert::kNoMemory) {
    buffer_.count_lost();
    return;
  }
  ++t_thread.serial;
  t_thread.last = pointer;
  if (result == LiveTable::Insert::kReplaced) append(BufferAction::kFree, address, old_size);
  append(BufferAction::kAllocate, address, size);
}

void ProcessRecorder::failed(std::uint64_t size) {
  if (!is_small(size)) append(BufferAction::kFailure, 0, size);
}

bool ProcessRecorder::freeing_recorded(const void* pointer, std::uint64_t& size) {
  if (!live_.remove(address_of(pointer), size)) return false;
  append(BufferAction::kFree, address_of(pointer), size);
  return true;
}

void ProcessRecorder::mapped(const void* address, std::uint64_t bytes) {
  const SpinGuard guard(mapping_lock_);
  mapped_locked(address_of(address), bytes);
}

void ProcessRecorder::mapped_locked(std::uint64_t start, std::uint64_t bytes) {
  if (is_small(bytes) || !mappings_.insert({start, start + bytes})) return;
  append(BufferAction::kAllocate, start, bytes);
}

bool ProcessRecorder::unmapped_locked(std::uint64_t start, std::uint64_t bytes) {
  const Mapping cut{start, start + bytes};
  bool any = false;
  // What is left of a mapping does not overlap the cut: the loop ends.
  for (Mapping taken{}; mappings_.take_overlapping(cut, taken);) {
    any = true;
    append(BufferAction::kFree, taken.start, taken.bytes());
    if (taken.start < cut.start) mapped_locked(taken.start, cut.start - taken.start);
    if (taken.end > cut.end) mapped_locked(cut.end, taken.end - cut.end);
  }
  return any;
}

}  // namespace vc::recorder
