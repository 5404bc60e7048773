// What the firmware tells about processors, interrupt controllers and NUMA nodes, in ACPI tables.
//
//      RSDP  -->  XSDT (64-bit addresses)  -->  MADT: local APICs, I/O APICs, interrupt overrides
//                 or RSDT (32-bit)              SRAT: which memory and which CPU is on which node
//
// Pure: physical memory is passed in as a view, so all of it is tested on the host. Nothing that a
// table says is believed before it is checked: lengths, checksums, counts, wraps. A table that
// makes no sense is left out and counted; what was found elsewhere stays.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"

namespace vc::kernel {

/// Physical memory, to be read only.
class PhysicalView {
 public:
  /// The bytes [start, start + size), or nullptr if not all of them can be read. They stay readable
  /// until the tables have been read.
  virtual const std::uint8_t* view(PhysAddr start, Bytes size) = 0;

 protected:
  ~PhysicalView() = default;
};

/// What was found.
struct AcpiTables {
  static constexpr std::uint32_t kMaxCpus = 64;
  static constexpr std::uint32_t kMaxIoApics = 4;
  static constexpr std::uint32_t kMaxOverrides = 16;
  static constexpr std::uint32_t kMaxMemories = 32;
  static constexpr std::uint32_t kMaxNodes = 8;

  /// An enabled processor.
  struct Processor {
    std::uint32_t apic_id;
    std::uint32_t node;
  };
  struct IoApic {
    PhysAddr address;
    std::uint32_t first_line;  ///< its input 0
  };
  enum class Polarity : std::uint8_t { active_high, active_low };
  enum class Trigger : std::uint8_t { edge, level };
  /// A line of the ISA bus (and, on old machines, of PCI) that is not wired as usual.
  struct Override {
    std::uint8_t source;
    std::uint32_t line;
    Polarity polarity;
    Trigger trigger;
  };
  /// Memory on a node. Ranges may be anything but empty or wrapping.
  struct Memory {
    PhysAddr start;
    Bytes size;
    std::uint32_t node;
  };

  PhysAddr local_apic{};  ///< 0: there was no MADT
  Processor processors[kMaxCpus] = {};
  std::uint32_t processor_count = 0;
  IoApic io_apics[kMaxIoApics] = {};
  std::uint32_t io_apic_count = 0;
  Override overrides[kMaxOverrides] = {};
  std::uint32_t override_count = 0;
  Memory memories[kMaxMemories] = {};
  std::uint32_t memory_count = 0;
  std::uint32_t nodes = 1;  ///< nodes that have memory, numbered in the order of their domains

  std::uint32_t ignored = 0;  ///< tables and entries that made no sense, or had no room
  const char* trouble = "";   ///< the last of them, in words

  /// The node of a physical address; 0 if no table knows it.
  std::uint32_t node_of(PhysAddr address) const;
};

/// Looks for the RSDP where a BIOS puts it; 0: not there.
PhysAddr find_rsdp(PhysicalView& memory);
/// Reads everything that hangs on an RSDP.
AcpiTables read_acpi_tables(PhysicalView& memory, PhysAddr rsdp);

}  // namespace vc::kernel
