// The ACPI tables, read from physical memory.
#include "kernel/arch/acpi.h"
#include "kernel/arch/cpus.h"
#include "kernel/arch/machine.h"
#include "kernel/arch/probe.h"
#include "kernel/console/console.h"
#include "kernel/memory/memory.h"

namespace vc::kernel {

namespace {

constinit AcpiTables tables;
constinit bool tables_read = false;

/// What the direct map shows. A page that it lacks is found by trying.
class DirectView final : public PhysicalView {
 public:
  const std::uint8_t* view(PhysAddr start, Bytes size) override {
    constexpr std::uint64_t kReach = std::uint64_t{1} << 46;
    if (start.value >= kReach || size.value > kReach) return nullptr;
    const VirtAddr first = direct(start);
    for (std::uint64_t page = align_down(first.value, 4096); page < first.value + size.value;
         page += 4096) {
      std::uint64_t word = 0;
      if (!probe_read(VirtAddr(page), word)) return nullptr;
    }
    return pointer<const std::uint8_t>(first);
  }
};

}  // namespace

void read_firmware_tables(PhysAddr rsdp) {
  if (tables_read) return;
  tables_read = true;
  DirectView memory;
  if (rsdp.value == 0) rsdp = find_rsdp(memory);
  tables = read_acpi_tables(memory, rsdp);
  if (tables.ignored != 0) {
    Line().text("ACPI: ").number(tables.ignored).text(" ignored: ").text(tables.trouble);
  }
}

const AcpiTables& firmware_tables() { return tables; }

std::uint32_t numa_nodes() { return tables.nodes; }

std::uint32_t numa_node_of(Pfn frame) { return tables.node_of(PhysAddr(frame.value << 12)); }

}  // namespace vc::kernel
