#include "tests/kernel/net/faults.h"

#include <utility>

namespace vc::peer {

bool BadWire::happens(double probability) {
  return static_cast<double>(random_.next() >> 11) * 0x1p-53 < probability;
}

Fate BadWire::put(Bytes frame) {
  if (happens(rates_.drop)) {
    ++counts_.dropped;
    return {};
  }
  if (happens(rates_.truncate)) {
    ++counts_.truncated;
    pass(truncated(frame));
    return {0, true};
  }
  if (happens(rates_.corrupt)) {
    ++counts_.corrupted;
    pass(corrupted(std::move(frame)));
    return {0, true};
  }
  Fate fate{1, false};
  if (happens(rates_.duplicate)) {
    ++counts_.duplicated;
    fate.whole_copies = 2;
    pass(frame);
  }
  pass(std::move(frame));
  return fate;
}

/// Sends a frame on its way, or holds it back until some others have passed.
void BadWire::pass(Bytes frame) {
  if (happens(rates_.reorder)) {
    ++counts_.reordered;
    held_.push_back({std::move(frame), 1 + random_.below(8)});
    return;
  }
  ready_.push_back(std::move(frame));
  for (std::size_t i = 0; i < held_.size();) {
    if (--held_[i].frames_to_pass != 0) {
      ++i;
      continue;
    }
    ready_.push_back(std::move(held_[i].frame));
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void BadWire::flush() {
  for (Held& held : held_) ready_.push_back(std::move(held.frame));
  held_.clear();
}

/// At least one byte stays: an empty datagram would mean the end to the other side.
Bytes BadWire::truncated(const Bytes& frame) {
  const auto length = static_cast<std::ptrdiff_t>(1 + random_.below(frame.size() - 1));
  return {frame.begin(), frame.begin() + length};
}

/// One byte changes: the Internet checksum always notices that.
Bytes BadWire::corrupted(Bytes frame) {
  auto& byte = frame[random_.below(frame.size())];
  byte = static_cast<std::uint8_t>(byte ^ (1 + random_.below(255)));
  return frame;
}

}  // namespace vc::peer
