// The reader of ACPI tables, on tables made here: right ones, broken ones, hostile ones.
#include "kernel/arch/acpi.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vcompound/base/random.h"

namespace vc::kernel {
namespace {

using Image = std::vector<std::uint8_t>;

void put(Image& to, std::size_t at, std::uint64_t value, std::size_t width) {
  if (to.size() < at + width) to.resize(at + width);
  for (std::size_t i = 0; i < width; ++i) to[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}

void append(Image& to, const Image& what) { to.insert(to.end(), what.begin(), what.end()); }

void fix_checksum(Image& table, std::size_t at, std::size_t length) {
  table[at] = 0;
  std::uint8_t sum = 0;
  for (std::size_t i = 0; i < length; ++i) sum = static_cast<std::uint8_t>(sum + table[i]);
  table[at] = static_cast<std::uint8_t>(-sum);
}

/// Pieces of physical memory. A view is a copy of exactly that size, so that a sanitizer sees a
/// read beyond it.
class FakeMemory final : public PhysicalView {
 public:
  const std::uint8_t* view(PhysAddr start, Bytes size) override {
    for (const auto& [at, bytes] : pieces_) {
      if (start.value < at || start.value - at > bytes.size()) continue;
      const std::uint64_t offset = start.value - at;
      if (size.value > bytes.size() - offset) continue;
      auto copy = std::make_unique<std::uint8_t[]>(size.value);
      for (std::uint64_t i = 0; i < size.value; ++i) copy[i] = bytes[offset + i];
      views_.push_back(std::move(copy));
      return views_.back().get();
    }
    return nullptr;
  }
  void place(std::uint64_t at, Image bytes) { pieces_[at] = std::move(bytes); }
  Image& at(std::uint64_t start) { return pieces_.at(start); }

 private:
  std::map<std::uint64_t, Image> pieces_;
  std::vector<std::unique_ptr<std::uint8_t[]>> views_;
};

Image table(const std::string& signature, const Image& body) {
  Image t(signature.begin(), signature.end());
  put(t, 4, 36 + body.size(), 4);
  t.resize(36);
  append(t, body);
  fix_checksum(t, 9, t.size());
  return t;
}

Image pointers(const std::string& signature, const std::vector<std::uint64_t>& to) {
  Image body;
  const std::size_t width = signature == "XSDT" ? 8 : 4;
  for (std::size_t i = 0; i < to.size(); ++i) put(body, i * width, to[i], width);
  return table(signature, body);
}

Image rsdp(std::uint32_t rsdt, std::uint64_t xsdt) {
  const std::string signature = "RSD PTR ";
  Image r(signature.begin(), signature.end());
  r.resize(20);
  put(r, 15, xsdt == 0 ? 0 : 2, 1);
  put(r, 16, rsdt, 4);
  fix_checksum(r, 8, 20);
  if (xsdt == 0) return r;
  put(r, 20, 36, 4);
  put(r, 24, xsdt, 8);
  r.resize(36);
  fix_checksum(r, 32, 36);
  return r;
}

Image local_apic(std::uint8_t id, std::uint32_t flags = 1) {
  Image e{0, 8, 0, id};
  put(e, 4, flags, 4);
  return e;
}
Image io_apic(std::uint32_t address, std::uint32_t first_line) {
  Image e{1, 12, 0, 0};
  put(e, 4, address, 4);
  put(e, 8, first_line, 4);
  return e;
}
Image override_of(std::uint8_t source, std::uint32_t line, std::uint16_t flags) {
  Image e{2, 10, 0, source};
  put(e, 4, line, 4);
  put(e, 8, flags, 2);
  return e;
}
Image cpu_node(std::uint8_t apic_id, std::uint32_t domain) {
  Image e{0, 16, static_cast<std::uint8_t>(domain), apic_id};
  put(e, 4, 1, 4);
  put(e, 9, domain >> 8, 3);
  e.resize(16);
  return e;
}
Image wide_cpu_node(std::uint32_t apic_id, std::uint32_t domain) {
  Image e{2, 24, 0, 0};
  put(e, 4, domain, 4);
  put(e, 8, apic_id, 4);
  put(e, 12, 1, 4);
  e.resize(24);
  return e;
}
Image memory_node(std::uint64_t start, std::uint64_t size, std::uint32_t domain,
                  std::uint32_t flags = 1) {
  Image e{1, 40};
  put(e, 2, domain, 4);
  put(e, 8, start, 8);
  put(e, 16, size, 8);
  put(e, 28, flags, 4);
  e.resize(40);
  return e;
}

Image madt(const std::vector<Image>& entries) {
  Image body;
  put(body, 0, 0xfee0'0000, 4);
  body.resize(8);
  for (const Image& e : entries) append(body, e);
  return table("APIC", body);
}
Image srat(const std::vector<Image>& entries) {
  Image body(12);
  for (const Image& e : entries) append(body, e);
  return table("SRAT", body);
}

constexpr std::uint64_t kRsdp = 0xf'59d0;
constexpr std::uint64_t kXsdt = 0x7fe'1000;
constexpr std::uint64_t kMadt = 0x7fe'2000;
constexpr std::uint64_t kSrat = 0x7fe'8000;

class AcpiTest : public testing::Test {
 protected:
  AcpiTest() {
    memory.place(kRsdp, rsdp(0, kXsdt));
    memory.place(kXsdt, pointers("XSDT", {kMadt, kSrat}));
    memory.place(kMadt, madt({local_apic(0), local_apic(1), io_apic(0xfec0'0000, 0)}));
    memory.place(kSrat, srat({memory_node(0, 0x800'0000, 0)}));
  }
  AcpiTables read() { return read_acpi_tables(memory, PhysAddr(kRsdp)); }

  FakeMemory memory;
};

TEST_F(AcpiTest, ReadsProcessorsAndControllers) {
  memory.place(kMadt, madt({local_apic(4), local_apic(9, 0), local_apic(2, 2), local_apic(7),
                            io_apic(0xfec0'0000, 0), io_apic(0xfec1'0000, 24)}));
  const AcpiTables t = read();
  EXPECT_EQ(t.local_apic.value, 0xfee0'0000U);
  ASSERT_EQ(t.processor_count, 2U) << "only the enabled ones";
  EXPECT_EQ(t.processors[0].apic_id, 4U);
  EXPECT_EQ(t.processors[1].apic_id, 7U);
  ASSERT_EQ(t.io_apic_count, 2U);
  EXPECT_EQ(t.io_apics[1].address.value, 0xfec1'0000U);
  EXPECT_EQ(t.io_apics[1].first_line, 24U);
  EXPECT_EQ(t.ignored, 0U) << t.trouble;
}

TEST_F(AcpiTest, ReadsOverrides) {
  memory.place(kMadt,
               madt({override_of(0, 2, 0), override_of(10, 10, 0xd), override_of(11, 19, 0xf)}));
  const AcpiTables t = read();
  ASSERT_EQ(t.override_count, 3U);
  EXPECT_EQ(t.overrides[0].line, 2U);
  EXPECT_EQ(t.overrides[0].trigger, AcpiTables::Trigger::edge);
  EXPECT_EQ(t.overrides[1].trigger, AcpiTables::Trigger::level);
  EXPECT_EQ(t.overrides[1].polarity, AcpiTables::Polarity::active_high);
  EXPECT_EQ(t.overrides[2].source, 11U);
  EXPECT_EQ(t.overrides[2].line, 19U);
  EXPECT_EQ(t.overrides[2].polarity, AcpiTables::Polarity::active_low);
}

TEST_F(AcpiTest, TheWideAddressOfTheLocalApicsWins) {
  Image wide{5, 12, 0, 0};
  put(wide, 4, 0x12'fee0'0000, 8);
  memory.place(kMadt, madt({local_apic(0), wide}));
  EXPECT_EQ(read().local_apic.value, 0x12'fee0'0000U);
}

TEST_F(AcpiTest, NodesAreNumberedInTheOrderOfTheirDomains) {
  memory.place(kMadt, madt({local_apic(0), local_apic(1), local_apic(2), local_apic(3)}));
  memory.place(
      kSrat, srat({cpu_node(0, 0x70005), cpu_node(1, 3), wide_cpu_node(2, 0x70005), cpu_node(3, 4),
                   memory_node(0, 0x1000, 0x70005), memory_node(0x10'0000, 0x1000, 3),
                   memory_node(0x2000, 0x1000, 3), memory_node(0x3000, 0x1000, 9, 0)}));
  const AcpiTables t = read();
  EXPECT_EQ(t.nodes, 2U);
  ASSERT_EQ(t.processor_count, 4U);
  EXPECT_EQ(t.processors[0].node, 1U);
  EXPECT_EQ(t.processors[1].node, 0U);
  EXPECT_EQ(t.processors[2].node, 1U);
  EXPECT_EQ(t.processors[3].node, 0U) << "its domain has no memory";
  EXPECT_EQ(t.node_of(PhysAddr(0)), 1U);
  EXPECT_EQ(t.node_of(PhysAddr(0xfff)), 1U);
  EXPECT_EQ(t.node_of(PhysAddr(0x1000)), 0U) << "nobody's";
  EXPECT_EQ(t.node_of(PhysAddr(0x10'0fff)), 0U);
  EXPECT_EQ(t.memory_count, 3U) << "without the disabled one";
}

TEST_F(AcpiTest, TheSratMayComeFirst) {
  memory.place(kXsdt, pointers("XSDT", {kSrat, kMadt}));
  memory.place(kSrat,
               srat({memory_node(0, 0x1000, 0), memory_node(0x1000, 0x1000, 1), cpu_node(1, 1)}));
  const AcpiTables t = read();
  ASSERT_EQ(t.processor_count, 2U);
  EXPECT_EQ(t.processors[1].node, 1U);
}

TEST_F(AcpiTest, TooManyNodesFallBackToTheFirst) {
  std::vector<Image> entries;
  for (std::uint32_t i = 0; i < 10; ++i) entries.push_back(memory_node(i << 12, 0x1000, 50 - i));
  memory.place(kSrat, srat(entries));
  const AcpiTables t = read();
  EXPECT_EQ(t.nodes, AcpiTables::kMaxNodes);
  EXPECT_EQ(t.ignored, 2U);
  EXPECT_EQ(t.node_of(PhysAddr(9 << 12)), 0U) << "domain 41 is the smallest";
  EXPECT_EQ(t.node_of(PhysAddr(2 << 12)), 7U);
  EXPECT_EQ(t.node_of(PhysAddr(0)), 0U);
}

TEST_F(AcpiTest, FindsTheRootPointer) {
  memory.place(kRsdp, {});
  Image bios(0x2'0000);
  FakeMemory other;
  const Image pointer = rsdp(0, kXsdt);
  std::copy(pointer.begin(), pointer.end(), bios.begin() + 0x1'59d0);
  other.place(0xe'0000, bios);
  EXPECT_EQ(find_rsdp(other).value, 0xf'59d0U);

  Image area(1024);
  std::copy(pointer.begin(), pointer.end(), area.begin() + 0x3c0);
  Image segment(2);
  put(segment, 0, 0x9fc0, 2);
  other.place(0x40e, segment);
  other.place(0x9'fc00, area);
  EXPECT_EQ(find_rsdp(other).value, 0x9'ffc0U) << "the extended BIOS data area comes first";
}

TEST_F(AcpiTest, FindsNoRootPointerThatIsDamagedOrAtAnOddPlace) {
  FakeMemory other;
  EXPECT_EQ(find_rsdp(other).value, 0U);
  const Image pointer = rsdp(0, kXsdt);
  Image bios(0x2'0000);
  std::copy(pointer.begin(), pointer.end(), bios.begin() + 0x108);  // not at 16 bytes
  std::copy(pointer.begin(), pointer.end(), bios.begin() + 0x200);
  bios[0x200 + 9] ^= 1;  // the checksum of the first 20 bytes
  std::copy(pointer.begin(), pointer.end(), bios.begin() + 0x300);
  bios[0x300 + 24] ^= 1;  // of the whole
  other.place(0xe'0000, bios);
  EXPECT_EQ(find_rsdp(other).value, 0U);
}

TEST_F(AcpiTest, OldFirmwareHasARootTableOfNarrowPointers) {
  memory.place(kRsdp, rsdp(kXsdt, 0));
  memory.place(kXsdt, pointers("RSDT", {kMadt, kSrat}));
  const AcpiTables t = read();
  EXPECT_EQ(t.processor_count, 2U);
  EXPECT_EQ(t.memory_count, 1U);
  EXPECT_EQ(t.ignored, 0U) << t.trouble;
}

TEST_F(AcpiTest, ADamagedWideRootTableIsReplacedByTheNarrowOne) {
  memory.place(kRsdp, rsdp(0x9000, kXsdt));
  memory.place(0x9000, pointers("RSDT", {kMadt}));
  memory.at(kXsdt)[40] ^= 4;
  const AcpiTables t = read();
  EXPECT_EQ(t.processor_count, 2U);
  EXPECT_EQ(t.ignored, 1U);
}

TEST_F(AcpiTest, ATableWithAWrongChecksumIsLeftOutAndTheOthersStay) {
  memory.at(kMadt)[44] ^= 1;
  const AcpiTables t = read();
  EXPECT_EQ(t.processor_count, 0U);
  EXPECT_EQ(t.local_apic.value, 0U);
  EXPECT_EQ(t.memory_count, 1U);
  EXPECT_EQ(t.ignored, 1U);
  EXPECT_STREQ(t.trouble, "a table has a wrong checksum");
}

TEST_F(AcpiTest, ImpossibleLengthsAreRefused) {
  for (const std::uint32_t length : {0U, 35U, 0x10'0001U, 0xffff'ffffU}) {
    put(memory.at(kMadt), 4, length, 4);
    const AcpiTables t = read();
    EXPECT_EQ(t.processor_count, 0U) << length;
    EXPECT_STREQ(t.trouble, "a table has an impossible length") << length;
  }
  put(memory.at(kMadt), 4, 0x8000, 4);
  EXPECT_STREQ(read().trouble, "a table reaches beyond readable memory");
  memory.place(kMadt, table("APIC", Image(7)));
  EXPECT_STREQ(read().trouble, "the MADT is too short");
  memory.place(kMadt, table("NONE", {}));
  memory.place(kSrat, table("SRAT", Image(11)));
  EXPECT_STREQ(read().trouble, "the SRAT is too short");
}

TEST_F(AcpiTest, PointersToNowhereAreLeftOut) {
  memory.place(kXsdt, pointers("XSDT", {0, ~std::uint64_t{0}, 0x1234'5678'9abc, kMadt}));
  const AcpiTables t = read();
  EXPECT_EQ(t.processor_count, 2U);
  EXPECT_EQ(t.ignored, 3U);
}

TEST_F(AcpiTest, NothingIsFoundWithoutARoot) {
  EXPECT_EQ(read_acpi_tables(memory, PhysAddr(0)).ignored, 1U);
  EXPECT_EQ(read_acpi_tables(memory, PhysAddr(kMadt)).ignored, 1U);
  memory.place(kRsdp, rsdp(0, kMadt));
  const AcpiTables t = read();
  EXPECT_STREQ(t.trouble, "there is no valid root table");
  EXPECT_EQ(t.nodes, 1U);
}

TEST_F(AcpiTest, EntriesOfImpossibleLengthEndATable) {
  for (const std::uint8_t length : std::vector<std::uint8_t>{0, 1, 200}) {
    memory.place(kMadt, madt({local_apic(0), Image{0, length, 0, 1, 1, 0, 0, 0}, local_apic(2)}));
    const AcpiTables t = read();
    EXPECT_EQ(t.processor_count, 1U) << int{length};
    EXPECT_STREQ(t.trouble, "an entry has an impossible length");
  }
  memory.place(kMadt, madt({local_apic(0), Image{0}}));
  EXPECT_STREQ(read().trouble, "an entry has an impossible length");
}

TEST_F(AcpiTest, EntriesThatAreTooShortAreLeftOut) {
  memory.place(kMadt, madt({Image{0, 4, 0, 5}, Image{1, 8, 0, 0, 0, 0, 0xc0, 0xfe},
                            Image{2, 4, 0, 9}, Image{5, 4, 0, 0}, local_apic(3)}));
  memory.place(kSrat, srat({Image{0, 2}, Image{1, 4, 0, 0}, Image{2, 8, 0, 0, 1, 1, 1, 1}}));
  const AcpiTables t = read();
  EXPECT_EQ(t.processor_count, 1U);
  EXPECT_EQ(t.io_apic_count + t.override_count + t.memory_count, 0U);
  EXPECT_EQ(t.ignored, 7U);
}

TEST_F(AcpiTest, ProcessorsAreTakenOnceAndOnlyAsManyAsThereIsRoomFor) {
  std::vector<Image> entries{local_apic(1), local_apic(1), local_apic(0xff)};
  for (std::uint32_t i = 2; i < 82; ++i) {
    entries.push_back(local_apic(static_cast<std::uint8_t>(i)));
  }
  memory.place(kMadt, madt(entries));
  const AcpiTables t = read();
  EXPECT_EQ(t.processor_count, AcpiTables::kMaxCpus);
  EXPECT_EQ(t.ignored, 2U + 81 - AcpiTables::kMaxCpus);
}

TEST_F(AcpiTest, AbsurdMemoryIsLeftOut) {
  std::vector<Image> entries{memory_node(~std::uint64_t{0} - 4095, 8192, 0),
                             memory_node(0x1000, 0, 1)};
  for (std::uint32_t i = 0; i < 40; ++i) entries.push_back(memory_node(i << 12, 0x1000, 0));
  memory.place(kSrat, srat(entries));
  const AcpiTables t = read();
  EXPECT_EQ(t.memory_count, AcpiTables::kMaxMemories);
  EXPECT_EQ(t.nodes, 1U);
  EXPECT_EQ(t.ignored, 1U + 40 - AcpiTables::kMaxMemories);
}

/// What holds whatever the firmware says.
void expect_sane(const AcpiTables& t) {
  ASSERT_LE(t.processor_count, AcpiTables::kMaxCpus);
  ASSERT_LE(t.io_apic_count, AcpiTables::kMaxIoApics);
  ASSERT_LE(t.override_count, AcpiTables::kMaxOverrides);
  ASSERT_LE(t.memory_count, AcpiTables::kMaxMemories);
  ASSERT_GE(t.nodes, 1U);
  ASSERT_LE(t.nodes, AcpiTables::kMaxNodes);
  for (std::uint32_t i = 0; i < t.processor_count; ++i) ASSERT_LT(t.processors[i].node, t.nodes);
  for (std::uint32_t i = 0; i < t.memory_count; ++i) {
    ASSERT_LT(t.memories[i].node, t.nodes);
    ASSERT_NE(t.memories[i].size.value, 0U);
    ASSERT_GE((t.memories[i].start + t.memories[i].size).value, t.memories[i].start.value);
  }
  for (std::uint32_t node = 0; node < t.nodes; ++node) {  // no node without memory but the first
    bool has_memory = node == 0;
    for (std::uint32_t i = 0; i < t.memory_count; ++i) has_memory |= t.memories[i].node == node;
    ASSERT_TRUE(has_memory) << node;
  }
}

TEST_F(AcpiTest, RandomDamageWithRightChecksumsIsSurvived) {
  Random random(2008);
  std::vector<Image> cpus;
  std::vector<Image> places;
  for (std::uint8_t i = 0; i < 8; ++i) {
    cpus.push_back(local_apic(i));
    places.push_back(cpu_node(i, i / 2U));
    places.push_back(memory_node(std::uint64_t{i} << 30, 1 << 30, i / 2U));
  }
  cpus.push_back(io_apic(0xfec0'0000, 0));
  cpus.push_back(override_of(10, 10, 0xd));
  const Image good_madt = madt(cpus);
  const Image good_srat = srat(places);
  const Image good_xsdt = memory.at(kXsdt);
  for (int round = 0; round < 3000; ++round) {
    SCOPED_TRACE(round);
    FakeMemory damaged;
    damaged.place(kRsdp, rsdp(0, kXsdt));
    damaged.place(kXsdt, good_xsdt);
    damaged.place(kMadt, good_madt);
    damaged.place(kSrat, good_srat);
    for (const std::uint64_t where : {kMadt, kSrat, kXsdt}) {
      Image& t = damaged.at(where);
      for (std::uint64_t hits = random.below(4); hits > 0; --hits) {
        t[where == kXsdt ? 36 + random.below(16) : random.below(t.size())] =
            static_cast<std::uint8_t>(random.next());
      }
      fix_checksum(t, 9, t.size());
    }
    expect_sane(read_acpi_tables(damaged, PhysAddr(kRsdp)));
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace vc::kernel
