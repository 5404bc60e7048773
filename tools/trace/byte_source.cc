// Plain and zstd-compressed sources of bytes.
#include "tools/trace/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

namespace vc {
namespace {

constexpr std::array<char, 4> kZstdMagic = {'\x28', '\xb5', '\x2f', '\xfd'};

std::string errno_text(int code) { return std::generic_category().message(code); }

class FileSource final : public ByteSource {
 public:
  explicit FileSource(int descriptor) : descriptor_(descriptor) {}
  ~FileSource() override { ::close(descriptor_); }

  Chunk read(std::span<char> buffer) override {
    for (;;) {
      const ssize_t got = ::read(descriptor_, buffer.data(), buffer.size());
      if (got > 0) return {Status::kData, static_cast<std::size_t>(got)};
      if (got == 0) return {Status::kEnd, 0};
      if (errno != EINTR) {
        return fail(TraceError::Kind::kMachine, "reading failed: " + errno_text(errno));
      }
    }
  }

 private:
  int descriptor_;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : rest_(bytes) {}

  Chunk read(std::span<char> buffer) override {
    if (rest_.empty()) return {Status::kEnd, 0};
    const std::size_t bytes = std::min(rest_.size(), buffer.size());
    std::memcpy(buffer.data(), rest_.data(), bytes);
    rest_.remove_prefix(bytes);
    return {Status::kData, bytes};
  }

 private:
  std::string_view rest_;
};

/// Puts bytes that were looked at back in front of a source.
class PrefixedSource final : public ByteSource {
 public:
  PrefixedSource(std::string prefix, std::unique_ptr<ByteSource> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}

  Chunk read(std::span<char> buffer) override {
    if (used_ < prefix_.size()) {
      const std::size_t bytes = std::min(prefix_.size() - used_, buffer.size());
      std::memcpy(buffer.data(), prefix_.data() + used_, bytes);
      used_ += bytes;
      return {Status::kData, bytes};
    }
    const Chunk chunk = rest_->read(buffer);
    if (chunk.status == Status::kError) return fail(rest_->error().kind, rest_->error().message);
    return chunk;
  }

 private:
  std::string prefix_;
  std::size_t used_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

/// Decompresses one or more zstd frames. The window is at most 128 MiB, zstd's own default limit.
class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> compressed)
      : compressed_(std::move(compressed)),
        stream_(ZSTD_createDStream()),
        input_(ZSTD_DStreamInSize()) {}
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }

  Chunk read(std::span<char> buffer) override {
    if (stream_ == nullptr) return fail(TraceError::Kind::kMachine, "no memory for decompression");
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size && !output_pending_) {
        const Chunk chunk = refill();
        if (chunk.status != Status::kData) return chunk;
      }
      const std::size_t code = ZSTD_decompressStream(stream_, &out, &in_);
      if (ZSTD_isError(code) != 0) {
        return fail(TraceError::Kind::kInput, std::string("the zstd data is corrupt (") +
                                                  ZSTD_getErrorName(code) +
                                                  "): record or fetch the file again");
      }
      inside_frame_ = code != 0;
      output_pending_ = out.pos == out.size;
    }
    return {Status::kData, out.pos};
  }

 private:
  Chunk refill() {
    const Chunk chunk = compressed_->read(input_);
    if (chunk.status == Status::kError) {
      return fail(compressed_->error().kind, compressed_->error().message);
    }
    if (chunk.status == Status::kEnd && inside_frame_) return {Status::kTruncated, 0};
    in_ = {input_.data(), chunk.bytes, 0};
    return chunk;
  }

  std::unique_ptr<ByteSource> compressed_;
  ZSTD_DStream* stream_;
  std::vector<char> input_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool inside_frame_ = true;  // an empty .zst file holds no frame: it is truncated, not empty
  bool output_pending_ = false;
};

/// Looks at the first bytes and chooses the decoder.
std::unique_ptr<ByteSource> decode_by_content(std::unique_ptr<ByteSource> raw) {
  std::string head(kZstdMagic.size(), '\0');
  std::size_t have = 0;
  while (have < head.size()) {
    const auto chunk = raw->read(std::span(head).subspan(have));
    if (chunk.status != ByteSource::Status::kData) break;
    have += chunk.bytes;
  }
  head.resize(have);
  const bool zstd = std::equal(head.begin(), head.end(), kZstdMagic.begin(), kZstdMagic.end());
  auto whole = std::make_unique<PrefixedSource>(std::move(head), std::move(raw));
  if (!zstd) return whole;
  return std::make_unique<ZstdSource>(std::move(whole));
}

}  // namespace

ByteSource::Chunk ByteSource::fail(TraceError::Kind kind, std::string message) {
  error_ = {kind, std::move(message)};
  return {Status::kError, 0};
}

std::unique_ptr<ByteSource> open_byte_source(const std::string& path, TraceError& error) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const std::string why = errno_text(errno);
    error = {TraceError::Kind::kInput,
             "cannot open the trace: " + why + "; check the name and the permissions"};
    return nullptr;
  }
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(descriptor);
    error = {TraceError::Kind::kInput, "this is a folder, not a trace; name a file in it"};
    return nullptr;
  }
  return decode_by_content(std::make_unique<FileSource>(descriptor));
}

std::unique_ptr<ByteSource> make_memory_source(std::string_view bytes) {
  return decode_by_content(std::make_unique<MemorySource>(bytes));
}

}  // namespace vc
