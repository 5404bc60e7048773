// Writes a trace: CSV, zstd-compressed when the name ends in .zst.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tools/trace/trace_event.h"

namespace vc {

/// Writes to `path` + ".part" and gives it its name in close(): no half trace is left behind, and
/// an older one stays until the new one is whole. Devices and pipes are written directly.
/// Not thread-safe.
class TraceWriter {
 public:
  static constexpr int kDefaultLevel = 9;  ///< zstd level: about 20 MB of rows a second
  static constexpr int kSmallestLevel = 19;

  /// Creates the file; `zstd_level` is 1 (fast) … 19 (small). Null: `error` tells why.
  static std::unique_ptr<TraceWriter> create(const std::string& path, TraceError& error,
                                             int zstd_level = kDefaultLevel);
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;
  /// Removes an unfinished file.
  ~TraceWriter();

  /// Appends one row. False: see error(); further calls do nothing and answer false.
  bool write(const TraceEvent& event);
  /// Finishes the file. False: see error(), and no file of that name was made.
  bool close();
  /// What went wrong; an empty message while nothing did.
  const TraceError& error() const { return error_; }
  /// Bytes in the file so far, after compression; exact after close().
  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  struct Compressor;
  enum class Flush : std::uint8_t { kMore, kLast };
  TraceWriter(int descriptor, std::string path, std::string written_path, int zstd_level);
  bool flush_text(Flush kind);
  bool write_out(const char* data, std::size_t bytes);
  bool fail(const std::string& what, int code);

  int descriptor_;
  std::string path_;
  std::string written_path_;  // equals path_ for devices
  std::string text_;
  std::unique_ptr<Compressor> compressor_;
  TraceError error_;
  std::uint64_t bytes_written_ = 0;
};

/// One row as CSV with its line end: `3,00:00:01.000250,allocate,0x7f10,65536,0x0`.
void append_row(std::string& text, const TraceEvent& event);

}  // namespace vc
