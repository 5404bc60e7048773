#include "kernel/bench/meter.h"

#include "kernel/console/console.h"

namespace vc::kernel {

namespace {

constinit std::uint64_t overhead = 0;

/// One figure, per operation.
void write_figure(TextWriter& out, const char* key, std::uint64_t sum, std::uint64_t operations) {
  out.character(' ').text(key).character('=');
  if (operations == 1) {
    out.number(sum);
    return;
  }
  const std::uint64_t tenths = (sum * 10 + operations / 2) / operations;
  out.number(tenths / 10).character('.').number(tenths % 10);
}

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  instructions += other.instructions;
  entries += other.entries;
  tables += other.tables;
  invalidations += other.invalidations;
  interrupts += other.interrupts;
  return *this;
}

void calibrate_meter() {
  overhead = ~std::uint64_t{0};
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t start = x86::read_tsc();
    const std::uint64_t spent = x86::read_tsc() - start;
    if (spent < overhead) overhead = spent;
  }
}

std::uint64_t meter_overhead() { return overhead; }

void print_row(const char* name, std::uint64_t pages, const Cost& cost, std::uint64_t operations) {
  Line line;
  line.text("bench ").text(name).text(" pages=").number(pages);
  write_figure(line, "instructions", cost.instructions, operations);
  write_figure(line, "entries", cost.entries, operations);
  write_figure(line, "tables", cost.tables, operations);
  write_figure(line, "invalidations", cost.invalidations, operations);
  write_figure(line, "interrupts", cost.interrupts, operations);
}

}  // namespace vc::kernel
