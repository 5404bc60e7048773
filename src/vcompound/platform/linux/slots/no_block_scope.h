// A scope in which the calling thread must not block: a signal handler, a real-time section.
#pragma once

#include <cstdint>

namespace vc {
namespace os {

/// How many no-block scopes the calling thread is in.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local std::uint32_t no_block_depth;

}  // namespace os

/// From construction to the end of the scope the calling thread may not block. Inside, allocation
/// answers from what it can reach without waiting, and a free is deferred, never lost. Scopes nest.
/// Safe in a signal handler. Costs two instructions.
class [[nodiscard]] NoBlockScope {
 public:
  NoBlockScope() { ++os::no_block_depth; }
  ~NoBlockScope() { --os::no_block_depth; }
  NoBlockScope(const NoBlockScope&) = delete;
  NoBlockScope& operator=(const NoBlockScope&) = delete;
};

/// Is the calling thread in a NoBlockScope?
inline bool in_no_block_scope() { return os::no_block_depth != 0; }

}  // namespace vc
