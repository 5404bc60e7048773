// Errors, call sites and the listing of an arena as text.
#include <dlfcn.h>

#include <array>
#include <cstdio>

#include "vcompound/api/snapshot.h"
#include "vcompound/arena.h"
#include "vcompound/base/text.h"

namespace vc {
namespace {

/// A line of at most 512 characters.
class Line {
 public:
  TextWriter& out() { return writer_; }
  std::string take() const { return std::string(writer_.c_str(), writer_.length()); }

 private:
  std::array<char, 512> buffer_{};
  TextWriter writer_{buffer_.data(), buffer_.size()};
};

/// One line as in /proc/vmallocinfo; where it says "vmalloc" this says what kind of compound it is.
std::string area_line(const AreaInfo& area, FrameSize frame_size) {
  Line line;
  const auto start = reinterpret_cast<std::uintptr_t>(area.address);
  line.out().hex(start).character('-').hex(start + area.size).character(' ').number(area.size);
  line.out().character(' ').text(to_string(area.site).c_str());
  line.out().text(" pages=").number(frame_size.pages_for(Bytes(area.size)).value);
  line.out().text(" runs=").number(area.runs);
  line.out().text(area.kind == Kind::mapped ? " vcompound" : " contiguous");
  if (area.references == 0) {
    line.out().text(" unused");
  } else {
    line.out().text(" refs=").number(area.references);
  }
  for (std::size_t node = 0; node < area.node_pages.size(); ++node) {
    if (area.node_pages[node] == 0) continue;
    line.out().text(" N").number(node).character('=').number(area.node_pages[node]);
  }
  return line.take() + "\n";
}

std::string nodes_lines(const std::vector<NodeInfo>& nodes) {
  std::string text;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Line line;
    line.out().text("node ").number(i).text(": ").size(nodes[i].free).text(" free of ");
    line.out().size(nodes[i].total);
    text += line.take() + "\n";
  }
  return text;
}

/// One line as in /proc/buddyinfo.
std::string free_blocks_line(const std::vector<std::uint64_t>& blocks) {
  Line line;
  line.out().text("free blocks of order 0 to ").number(blocks.size() - 1).character(':');
  for (const std::uint64_t count : blocks) line.out().character(' ').number(count);
  return line.take() + "\n";
}

std::string availability_line(const Arena& arena) {
  Line line;
  line.out().text("availability:");
  for (const Bytes size : shown_sizes()) {
    const double share = arena.availability(size);
    line.out().character(' ').size(size).character(' ');
    line.out().percent(static_cast<std::uint64_t>(share * 1e6), 1'000'000).text(" %,");
  }
  std::string text = line.take();
  text.back() = '\n';
  return text;
}

}  // namespace

std::string to_string(const Error& error) {
  Line line;
  describe(error, line.out());
  return line.take();
}

std::string to_string(const CallSite& site) {
  Line line;
  if (site.file != nullptr) {
    line.out().text(site.file).character(':').number(site.where);
    return line.take();
  }
  if (site.where == 0) return "unknown";
  Dl_info info{};
  const bool known = dladdr(reinterpret_cast<const void*>(site.where), &info) != 0;
  if (!known || info.dli_sname == nullptr) {
    line.out().hex(site.where);
    return line.take();
  }
  const std::uint64_t offset = site.where - reinterpret_cast<std::uintptr_t>(info.dli_saddr);
  line.out().text(info.dli_sname).character('+').hex(offset);
  return line.take();
}

std::string Arena::listing() const {
  std::string text;
  for (const AreaInfo& area : areas()) text += area_line(area, frame_size());
  text += nodes_lines(nodes());
  text += free_blocks_line(free_blocks());
  return text + availability_line(*this);
}

}  // namespace vc
