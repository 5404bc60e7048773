#include "kernel/memory/memory_map.h"

namespace vc::kernel {

namespace {

constexpr std::uint32_t kRam = 1;
constexpr std::uint64_t kFrame = 4096;

/// The end of an entry in bytes; 2^64 - 1 if it would wrap.
std::uint64_t end_of(const FirmwareRange& entry) {
  const std::uint64_t end = entry.start + entry.size;
  return end < entry.start ? ~std::uint64_t{0} : end;
}

/// The frames [first, end) as far as they can be used.
PfnRange cut(std::uint64_t first, std::uint64_t end) {
  if (end > kFrameLimit.value) end = kFrameLimit.value;
  return first < end ? PfnRange{Pfn(first), PageCount(end - first)} : PfnRange{};
}

/// The frames that an entry covers wholly. (Divided before it is rounded: no overflow.)
PfnRange frames_inside(const FirmwareRange& entry) {
  const std::uint64_t first = entry.start / kFrame + (entry.start % kFrame != 0 ? 1 : 0);
  return cut(first, end_of(entry) / kFrame);
}

/// The frames that an entry touches.
PfnRange frames_touched(const FirmwareRange& entry) {
  if (entry.size == 0) return {};
  const std::uint64_t last = end_of(entry) - 1;
  return cut(entry.start / kFrame, last / kFrame + 1);
}

}  // namespace

PageCount MemoryMap::pages() const {
  PageCount sum{};
  for (const PfnRange& range : *this) sum += range.count;
  return sum;
}

PfnRange MemoryMap::longest() const {
  PfnRange best{};
  for (const PfnRange& range : *this) {
    if (range.count > best.count) best = range;
  }
  return best;
}

bool MemoryMap::contains(PfnRange run) const {
  for (const PfnRange& range : *this) {
    if (run.first >= range.first && run.end() <= range.end()) return true;
  }
  return false;
}

/// Closes the gap where ranges [first, end) were.
void MemoryMap::erase(std::uint32_t first, std::uint32_t end_index) {
  for (std::uint32_t i = end_index; i < count; ++i) ranges[first + i - end_index] = ranges[i];
  count -= end_index - first;
}

/// Makes `range` the one with number `at`; the shortest of all goes if there is no room.
void MemoryMap::insert(std::uint32_t at, PfnRange range) {
  if (count == kMaxRanges) {
    ++ignored;
    std::uint32_t shortest = 0;
    for (std::uint32_t i = 1; i < count; ++i) {
      if (ranges[i].count < ranges[shortest].count) shortest = i;
    }
    if (ranges[shortest].count >= range.count) return;
    erase(shortest, shortest + 1);
    if (shortest < at) --at;
  }
  for (std::uint32_t i = count; i > at; --i) ranges[i] = ranges[i - 1];
  ranges[at] = range;
  ++count;
}

void MemoryMap::add(PfnRange range) {
  if (range.empty()) return;
  std::uint32_t first = 0;
  while (first < count && ranges[first].end() < range.first) ++first;
  std::uint32_t after = first;  // all of [first, after) overlap the new range or touch it
  Pfn start = range.first;
  Pfn stop = range.end();
  for (; after < count && ranges[after].first <= range.end(); ++after) {
    if (ranges[after].first < start) start = ranges[after].first;
    if (ranges[after].end() > stop) stop = ranges[after].end();
  }
  erase(first, after);
  insert(first, {start, stop - start});
}

void MemoryMap::remove(PfnRange range) {
  if (range.empty()) return;
  for (std::uint32_t i = 0; i < count;) {
    const PfnRange whole = ranges[i];
    if (whole.end() <= range.first || range.end() <= whole.first) {
      ++i;
      continue;
    }
    erase(i, i + 1);
    if (whole.first < range.first) insert(i++, {whole.first, range.first - whole.first});
    if (range.end() < whole.end()) {
      insert(i, {range.end(), whole.end() - range.end()});
      return;  // the ranges after it lie beyond
    }
  }
}

void MemoryMap::limit(PageCount most) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (ranges[i].count > most) {
      ranges[i].count = most;
      count = most.value == 0 ? i : i + 1;
      return;
    }
    most -= ranges[i].count;
  }
}

PfnRange MemoryMap::take_lowest(PageCount pages, Pfn limit, PageCount alignment) {
  for (const PfnRange& range : *this) {
    const Pfn first(align_up(range.first.value, alignment.value));
    if (first + pages > range.end() || first + pages > limit) continue;
    const PfnRange taken{first, pages};
    remove(taken);
    return taken;
  }
  return {};
}

PfnRange MemoryMap::take_highest(PageCount pages, PageCount alignment) {
  for (std::uint32_t i = count; i-- != 0;) {
    const PfnRange range = ranges[i];
    if (range.count < pages) continue;
    const Pfn first(align_down((range.end() - pages).value, alignment.value));
    if (first < range.first) continue;
    const PfnRange taken{first, pages};
    remove(taken);
    return taken;
  }
  return {};
}

MemoryMap read_memory_map(const FirmwareRange* entries, std::uint32_t count) {
  MemoryMap map;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (entries[i].type != kRam) continue;
    const PfnRange frames = frames_inside(entries[i]);
    if (frames.empty()) ++map.ignored;
    map.add(frames);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    if (entries[i].type == kRam) continue;
    if (entries[i].size == 0) ++map.ignored;
    map.remove(frames_touched(entries[i]));
  }
  return map;
}

namespace {

constexpr std::uint32_t kReserved = 2;
constexpr std::uint32_t kAcpiTables = 3;
constexpr std::uint32_t kAcpiStorage = 4;

/// Does some entry of RAM end where this entry starts?
bool follows_ram(const FirmwareRange& entry, const FirmwareRange* entries, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (entries[i].type == kRam && end_of(entries[i]) == entry.start) return true;
  }
  return false;
}

}  // namespace

MemoryMap read_firmware_memory(const FirmwareRange* entries, std::uint32_t count) {
  constexpr std::uint64_t kMib = 1U << 20;
  MemoryMap map;
  for (std::uint32_t i = 0; i < count; ++i) {
    const FirmwareRange& entry = entries[i];
    const bool tables = entry.type == kAcpiTables || entry.type == kAcpiStorage;
    const bool near_ram =
        entry.type == kReserved && (end_of(entry) <= kMib || follows_ram(entry, entries, count));
    if (tables || near_ram) map.add(frames_touched(entry));
  }
  return map;
}

// ---- as text ------------------------------------------------------------------------------------

namespace {

int digit_of(char c, std::uint32_t base) {
  int value = 99;
  if (c >= '0' && c <= '9') value = c - '0';
  if (c >= 'a' && c <= 'f') value = c - 'a' + 10;
  if (c >= 'A' && c <= 'F') value = c - 'A' + 10;
  return value < static_cast<int>(base) ? value : -1;
}

std::uint32_t shift_of(char unit) {
  switch (unit) {
    case 'k': return 10;
    case 'M': return 20;
    case 'G': return 30;
    default: return 0;
  }
}

/// Reads a number and moves past it; false if there is none, or one of more than 64 bits.
bool read_value(const char*& at, std::uint64_t& value) {
  const std::uint32_t base = at[0] == '0' && at[1] == 'x' ? 16 : 10;
  if (base == 16) at += 2;
  const char* start = at;
  value = 0;
  for (int digit; (digit = digit_of(*at, base)) >= 0; ++at) {
    const auto d = static_cast<std::uint64_t>(digit);
    if (value > (~std::uint64_t{0} - d) / base) return false;
    value = value * base + d;
  }
  if (at == start) return false;
  const std::uint32_t shift = shift_of(*at);
  if (shift == 0) return true;
  ++at;
  if (value << shift >> shift != value) return false;
  value <<= shift;
  return true;
}

bool read_entry(const char*& at, FirmwareRange& entry) {
  std::uint64_t type = 0;
  if (!read_value(at, entry.start) || *at++ != ':') return false;
  if (!read_value(at, entry.size) || *at++ != ':') return false;
  if (!read_value(at, type) || type >> 32 != 0) return false;
  entry.type = static_cast<std::uint32_t>(type);
  entry.reserved = 0;
  return true;
}

}  // namespace

MemoryMapText parse_memory_map(const char* text, FirmwareRange* entries, std::uint32_t room) {
  MemoryMapText result;
  for (const char* at = text;;) {
    const char* start = at;
    if (result.count == room || !read_entry(at, entries[result.count]))
      return {result.count, start};
    ++result.count;
    if (*at == '\0') return result;
    if (*at++ != ',') return {result.count, start};
  }
}

}  // namespace vc::kernel
