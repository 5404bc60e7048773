// record_collect.h — from the buffers of the recorded processes to one trace.
#pragma once

#include <cstdint>
#include <string>

#include "tools/trace/trace_writer.h"

namespace vc::tool {

/// What was collected.
struct RecordingSummary {
  std::uint64_t images = 0;     ///< program images that loaded the recorder
  std::uint64_t processes = 0;  ///< images with at least one event
  std::uint64_t threads = 0;
  std::uint64_t allocates = 0;
  std::uint64_t frees = 0;
  std::uint64_t failures = 0;
  std::uint64_t freed_at_end = 0;  ///< of `frees`: the memory of processes that ended before others
  std::uint64_t lost = 0;          ///< found no room in the buffers
  std::uint64_t duration_us = 0;   ///< from the first event to the last
};

/// Merges the buffers in `folder` by time into `writer`, which stays open.
///
/// Processes are numbered from 0 in the order of their start. Process k has k in the Stream column
/// and in bits 48…63 of its pointers, so that equal addresses in different processes differ.
/// Threads are numbered over all processes in the order of their first event. Times count from the
/// start of the first image. When a process ends (by exit, exec or a signal) while others go on,
/// frees of what it still held are written: its memory went back to the system. Throws ToolError
/// (kMachineLacks) when reading or writing fails.
RecordingSummary collect_recording(const std::string& folder, TraceWriter& writer);

}  // namespace vc::tool
