#include "kernel/arch/acpi.h"

namespace vc::kernel {

namespace {

/// The longest table that is read.
constexpr std::uint32_t kLongest = 1U << 20;
/// The header of every table but the RSDP.
constexpr std::uint32_t kHeader = 36;

/// Bytes with a length; every read is checked.
struct Blob {
  const std::uint8_t* data = nullptr;
  std::uint32_t size = 0;

  explicit operator bool() const { return data != nullptr; }
  /// A little-endian number of `width` bytes; 0 beyond the end.
  std::uint64_t number(std::uint32_t at, std::uint32_t width) const {
    if (at > size || width > size - at) return 0;
    std::uint64_t value = 0;
    for (std::uint32_t i = width; i-- > 0;) value = value << 8 | data[at + i];
    return value;
  }
  std::uint8_t u8(std::uint32_t at) const { return static_cast<std::uint8_t>(number(at, 1)); }
  std::uint32_t u32(std::uint32_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  std::uint64_t u64(std::uint32_t at) const { return number(at, 8); }
  Blob part(std::uint32_t at, std::uint32_t length) const { return {data + at, length}; }
};

bool starts_with(Blob blob, const char* signature) {
  for (std::uint32_t i = 0; signature[i] != '\0'; ++i) {
    if (i >= blob.size || blob.data[i] != static_cast<std::uint8_t>(signature[i])) return false;
  }
  return true;
}

/// The bytes of a table and its checksum add up to 0.
bool adds_up(Blob blob) {
  std::uint8_t sum = 0;
  for (std::uint32_t i = 0; i < blob.size; ++i) sum = static_cast<std::uint8_t>(sum + blob.data[i]);
  return sum == 0;
}

/// A view of a range that does not wrap.
Blob look(PhysicalView& memory, PhysAddr start, std::uint32_t size) {
  if (start.value == 0 || start.value + size < start.value) return {};
  return {memory.view(start, Bytes(size)), size};
}

/// A whole RSDP at this place: of 20 bytes (ACPI 1.0), or of what its length says.
Blob rsdp_at(PhysicalView& memory, PhysAddr start) {
  const Blob old = look(memory, start, 20);
  if (!old || !starts_with(old, "RSD PTR ") || !adds_up(old)) return {};
  if (old.u8(15) < 2) return old;
  const Blob fixed = look(memory, start, 36);
  if (!fixed) return {};
  const std::uint32_t length = fixed.u32(20);
  if (length < 36 || length > 4096) return {};
  const Blob whole = look(memory, start, length);
  return whole && adds_up(whole) ? whole : Blob{};
}

/// Reads the tables one by one into AcpiTables.
class Reader {
 public:
  Reader(PhysicalView& memory, AcpiTables& found) : memory_(memory), found_(found) {}

  void read(PhysAddr rsdp);

 private:
  void ignore(const char* why) {
    ++found_.ignored;
    found_.trouble = why;
  }
  Blob table_at(PhysAddr start);
  void read_table(PhysAddr start);
  /// Calls (this->*read_entry)(entry) for the variable entries of a table from `first` on. An entry
  /// starts with its type and its length.
  void read_entries(Blob table, std::uint32_t first, void (Reader::*read_entry)(Blob));
  void read_madt_entry(Blob entry);
  void read_srat_entry(Blob entry);
  void add_processor(std::uint32_t apic_id);
  void add_io_apic(Blob entry);
  void add_override(Blob entry);
  void add_memory(Blob entry);
  void place_processor(std::uint32_t apic_id, std::uint32_t domain);
  void number_nodes();
  std::uint32_t rank_of(std::uint32_t domain) const;

  PhysicalView& memory_;
  AcpiTables& found_;
  bool madt_seen_ = false;
  bool srat_seen_ = false;
  // CPUs of the SRAT, which may come before the MADT.
  AcpiTables::Processor placed_[AcpiTables::kMaxCpus] = {};
  std::uint32_t placed_count_ = 0;
};

Blob Reader::table_at(PhysAddr start) {
  const Blob header = look(memory_, start, kHeader);
  if (!header) {
    ignore("a table lies where no memory can be read");
    return {};
  }
  const std::uint32_t length = header.u32(4);
  if (length < kHeader || length > kLongest) {
    ignore("a table has an impossible length");
    return {};
  }
  const Blob table = look(memory_, start, length);
  if (!table) {
    ignore("a table reaches beyond readable memory");
    return {};
  }
  if (!adds_up(table)) {
    ignore("a table has a wrong checksum");
    return {};
  }
  return table;
}

void Reader::read(PhysAddr rsdp) {
  const Blob root_pointer = rsdp_at(memory_, rsdp);
  if (!root_pointer) {
    ignore("there is no valid root pointer");
    return;
  }
  const std::uint64_t wide = root_pointer.size >= 36 ? root_pointer.u64(24) : 0;
  Blob root = wide != 0 ? table_at(PhysAddr(wide)) : Blob{};
  std::uint32_t width = 8;
  if (!root || !starts_with(root, "XSDT")) {
    root = table_at(PhysAddr(root_pointer.u32(16)));
    width = 4;
    if (!root || !starts_with(root, "RSDT")) {
      ignore("there is no valid root table");
      return;
    }
  }
  for (std::uint32_t at = kHeader; at + width <= root.size; at += width) {
    read_table(PhysAddr(root.number(at, width)));
  }
  number_nodes();
}

void Reader::read_table(PhysAddr start) {
  const Blob name = look(memory_, start, 4);
  if (!name) {
    ignore("a table lies where no memory can be read");
    return;
  }
  if (starts_with(name, "APIC") && !madt_seen_) {
    const Blob madt = table_at(start);
    if (!madt) return;
    if (madt.size < 44) return ignore("the MADT is too short");
    madt_seen_ = true;
    found_.local_apic = PhysAddr(madt.u32(36));
    read_entries(madt, 44, &Reader::read_madt_entry);
  } else if (starts_with(name, "SRAT") && !srat_seen_) {
    const Blob srat = table_at(start);
    if (!srat) return;
    if (srat.size < 48) return ignore("the SRAT is too short");
    srat_seen_ = true;
    read_entries(srat, 48, &Reader::read_srat_entry);
  }
}

void Reader::read_entries(Blob table, std::uint32_t first, void (Reader::*read_entry)(Blob)) {
  std::uint32_t at = first;
  while (at < table.size) {
    const std::uint32_t length = table.size - at >= 2 ? table.u8(at + 1) : 0;
    if (length < 2 || length > table.size - at) return ignore("an entry has an impossible length");
    (this->*read_entry)(table.part(at, length));
    at += length;
  }
}

void Reader::read_madt_entry(Blob entry) {
  constexpr std::uint32_t kEnabled = 1;
  switch (entry.u8(0)) {
    case 0:  // a local APIC
      if (entry.size < 8) return ignore("an entry of a local APIC is too short");
      if ((entry.u32(4) & kEnabled) != 0) add_processor(entry.u8(3));
      return;
    case 1: add_io_apic(entry); return;
    case 2: add_override(entry); return;
    case 5:  // a 64-bit address of the local APICs
      if (entry.size < 12) return ignore("an entry of the local APICs' address is too short");
      found_.local_apic = PhysAddr(entry.u64(4));
      return;
    default: return;  // NMI wiring, x2APIC and others: not used here
  }
}

void Reader::add_processor(std::uint32_t apic_id) {
  if (apic_id == 0xff) return ignore("a local APIC has the number of all");
  for (std::uint32_t i = 0; i < found_.processor_count; ++i) {
    if (found_.processors[i].apic_id == apic_id) return ignore("a processor is listed twice");
  }
  if (found_.processor_count == AcpiTables::kMaxCpus) return ignore("too many processors");
  found_.processors[found_.processor_count++] = {apic_id, 0};
}

void Reader::add_io_apic(Blob entry) {
  if (entry.size < 12) return ignore("an entry of an I/O APIC is too short");
  if (entry.u32(4) == 0) return ignore("an I/O APIC has no address");
  if (found_.io_apic_count == AcpiTables::kMaxIoApics) return ignore("too many I/O APICs");
  found_.io_apics[found_.io_apic_count++] = {PhysAddr(entry.u32(4)), entry.u32(8)};
}

void Reader::add_override(Blob entry) {
  if (entry.size < 10) return ignore("an interrupt override is too short");
  if (found_.override_count == AcpiTables::kMaxOverrides) return ignore("too many overrides");
  const std::uint64_t flags = entry.number(8, 2);
  found_.overrides[found_.override_count++] = {
      .source = entry.u8(3),
      .line = entry.u32(4),
      .polarity =
          (flags & 3) == 3 ? AcpiTables::Polarity::active_low : AcpiTables::Polarity::active_high,
      .trigger = (flags >> 2 & 3) == 3 ? AcpiTables::Trigger::level : AcpiTables::Trigger::edge};
}

void Reader::read_srat_entry(Blob entry) {
  constexpr std::uint32_t kEnabled = 1;
  switch (entry.u8(0)) {
    case 0: {  // a CPU by its local APIC; the domain is in two pieces
      if (entry.size < 16) return ignore("an entry of a CPU's node is too short");
      const auto high = static_cast<std::uint32_t>(entry.number(9, 3));
      if ((entry.u32(4) & kEnabled) != 0) place_processor(entry.u8(3), entry.u8(2) | high << 8);
      return;
    }
    case 1: add_memory(entry); return;
    case 2:  // a CPU by its x2APIC
      if (entry.size < 24) return ignore("an entry of a CPU's node is too short");
      if ((entry.u32(12) & kEnabled) != 0) place_processor(entry.u32(8), entry.u32(4));
      return;
    default: return;
  }
}

void Reader::place_processor(std::uint32_t apic_id, std::uint32_t domain) {
  if (placed_count_ == AcpiTables::kMaxCpus) return ignore("too many processors with a node");
  placed_[placed_count_++] = {apic_id, domain};
}

void Reader::add_memory(Blob entry) {
  if (entry.size < 40) return ignore("an entry of a node's memory is too short");
  constexpr std::uint32_t kEnabled = 1;
  if ((entry.u32(28) & kEnabled) == 0) return;
  const std::uint64_t start = entry.u64(8);
  const std::uint64_t size = entry.u64(16);
  if (size == 0) return;  // a node without memory
  if (start + size < start) return ignore("memory of a node wraps");
  if (found_.memory_count == AcpiTables::kMaxMemories) return ignore("too many ranges of memory");
  found_.memories[found_.memory_count++] = {PhysAddr(start), Bytes(size), entry.u32(2)};
}

/// How many smaller domains have memory: the node of a domain that has some.
std::uint32_t Reader::rank_of(std::uint32_t domain) const {
  std::uint32_t rank = 0;
  for (std::uint32_t i = 0; i < found_.memory_count; ++i) {
    const std::uint32_t other = found_.memories[i].node;
    bool first_of_its_domain = true;
    for (std::uint32_t j = 0; j < i; ++j) first_of_its_domain &= found_.memories[j].node != other;
    rank += first_of_its_domain && other < domain ? 1 : 0;
  }
  return rank;
}

/// Domains are any numbers; nodes count from 0. A CPU whose domain has no memory is on node 0, and
/// so is what lies on the ninth node and beyond.
void Reader::number_nodes() {
  std::uint32_t nodes[AcpiTables::kMaxMemories];
  for (std::uint32_t i = 0; i < found_.memory_count; ++i) {
    nodes[i] = rank_of(found_.memories[i].node);
    if (nodes[i] >= AcpiTables::kMaxNodes) {
      ignore("too many nodes");
      nodes[i] = 0;
    }
    if (nodes[i] >= found_.nodes) found_.nodes = nodes[i] + 1;
  }
  for (std::uint32_t i = 0; i < placed_count_; ++i) {
    for (std::uint32_t p = 0; p < found_.processor_count; ++p) {
      if (found_.processors[p].apic_id != placed_[i].apic_id) continue;
      for (std::uint32_t m = 0; m < found_.memory_count; ++m) {
        if (found_.memories[m].node == placed_[i].node) found_.processors[p].node = nodes[m];
      }
    }
  }
  for (std::uint32_t i = 0; i < found_.memory_count; ++i) found_.memories[i].node = nodes[i];
}

}  // namespace

std::uint32_t AcpiTables::node_of(PhysAddr address) const {
  for (std::uint32_t i = 0; i < memory_count; ++i) {
    if (address - memories[i].start < memories[i].size) return memories[i].node;  // wraps below
  }
  return 0;
}

PhysAddr find_rsdp(PhysicalView& memory) {
  // At 16-byte steps in the first KiB of the extended BIOS data area, whose segment stands at
  // 0x40e, and in the BIOS itself.
  const Blob segment = look(memory, PhysAddr(0x40e), 2);
  const std::uint64_t area = segment ? segment.number(0, 2) << 4 : 0;
  if (area >= 0x8'0000 && area < 0xa'0000) {
    for (std::uint64_t at = area; at < area + 1024; at += 16) {
      if (rsdp_at(memory, PhysAddr(at))) return PhysAddr(at);
    }
  }
  for (std::uint64_t at = 0xe'0000; at < 0x10'0000; at += 16) {
    if (rsdp_at(memory, PhysAddr(at))) return PhysAddr(at);
  }
  return PhysAddr(0);
}

AcpiTables read_acpi_tables(PhysicalView& memory, PhysAddr rsdp) {
  AcpiTables found;
  Reader(memory, found).read(rsdp);
  return found;
}

}  // namespace vc::kernel
