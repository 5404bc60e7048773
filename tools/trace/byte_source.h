// Where the bytes of a trace come from: a file or memory, plain or zstd, found out by content.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tools/trace/trace_event.h"

namespace vc {

/// A stream of bytes. Not thread-safe.
class ByteSource {
 public:
  enum class Status : std::uint8_t {
    kData,       ///< at least one byte was delivered
    kEnd,        ///< the regular end
    kTruncated,  ///< the end came inside a zstd frame
    kError,      ///< see error()
  };
  struct Chunk {
    Status status;
    std::size_t bytes;
  };

  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Fills a part of `buffer` (which is not empty).
  virtual Chunk read(std::span<char> buffer) = 0;
  /// What went wrong, without the file's name; empty while nothing did.
  const TraceError& error() const { return error_; }

 protected:
  /// Remembers the error and returns the status that announces it.
  Chunk fail(TraceError::Kind kind, std::string message);

 private:
  TraceError error_;
};

/// Opens the regular file, pipe or device `path`. Null: `error` says why, without a file name.
std::unique_ptr<ByteSource> open_byte_source(const std::string& path, TraceError& error);

/// Reads `bytes`, which must outlive the source.
std::unique_ptr<ByteSource> make_memory_source(std::string_view bytes);

}  // namespace vc
