// `run=network`: the interface as a user of the kernel's memory, from bring-up to the last byte.
#include "kernel/console/console.h"
#include "kernel/net/interface.h"
#include "kernel/parameters.h"
#include "kernel/thread/thread.h"
#include "kernel/thread/wait.h"

namespace vc::kernel {
namespace {

using namespace net;

constinit NetworkInterface interface(first_card);

void write_mac(TextWriter& out, Mac mac) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (std::uint32_t i = 0; i < sizeof mac.bytes; ++i) {
    if (i != 0) out.character(':');
    out.character(kDigits[mac.bytes[i] >> 4]).character(kDigits[mac.bytes[i] & 15]);
  }
}

void write_ipv4(TextWriter& out, Ipv4 address) {
  for (std::uint32_t shift = 32; shift != 0; shift -= 8) {
    if (shift != 32) out.character('.');
    out.number(address.value >> (shift - 8) & 0xff);
  }
}

/// Frames in use, after everything that is free has been brought back.
PageCount live_pages() {
  flush_work();
  arena().allocator.reclaim();
  return arena().allocator.stats().live_pages();
}

void print_failure(const NetError& error) {
  Line line;
  line.text("network: cannot be brought up: ").text(error.what);
  if (error.requested.value != 0) line.text(", ").size(error.requested);
  if (error.reason != Reason::none) line.text(": ").text(name_of(error.reason));
}

void print_up(const InterfaceOptions& options, std::uint64_t microseconds) {
  const ReceiveRing& ring = interface.card().receive_ring();
  Line line;
  line.text("network: up ");
  write_ipv4(line, options.address);
  line.text(" at ");
  write_mac(line, interface.identity().station);
  line.text(", mtu ").number(interface.identity().longest_frame - kEthernetHeader);
  line.text(", ").number(ring.size()).text(" descriptors per ring, ");
  line.size(ring.pool_size()).text(" of receive buffers (");
  line.text(name_of(ring.pool_kind())).text("), after ").number(microseconds).text(" us");
}

void print_memory_use() {
  const Stats stats = arena().allocator.stats();
  Line()
      .text("network: allocations ")
      .number(stats.contiguous_allocations)
      .text(" contiguous, ")
      .number(stats.mapped_allocations)
      .text(" mapped, ")
      .number(stats.cache_hits)
      .text(" from a cache; ")
      .number(stats.deferred_frees)
      .text(" deferred frees, ")
      .number(stats.shootdowns)
      .text(" shootdowns");
}

/// Has everything come back?
int compare(PageCount before) {
  const PageCount after = live_pages();
  if (after == before) {
    Line().text("network: memory is as before: ").number(after.value).text(" pages in use");
    return 0;
  }
  Line()
      .text("network: LEAK: ")
      .number(before.value)
      .text(" pages in use before, ")
      .number(after.value)
      .text(" after");
  print_memory_table();
  return 1;
}

}  // namespace

int run_network() {
  InterfaceOptions options;
  options.card.descriptors = parameters().rings;
  options.card.mtu = parameters().mtu;
  if (!interface.probe()) {
    Line().text("network: no card 8086:100e (-device e1000), or it has no interrupt line");
    return 1;
  }
  const PageCount before = live_pages();
  const std::uint64_t start = now();
  const NetError error = interface.open(options);
  if (error.failed()) {
    print_failure(error);
    compare(before);
    return 1;
  }
  print_up(options, now() - start);
  interface.wait_until_quit();
  live_pages();  // what is already free is not listed
  print_vmallocinfo();
  print_buddyinfo();
  interface.close();
  interface.print_statistics();
  print_memory_use();
  return compare(before);
}

}  // namespace vc::kernel
