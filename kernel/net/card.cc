#include "kernel/net/card.h"

#include "kernel/memory/memory.h"
#include "kernel/net/pci.h"
#include "kernel/thread/thread.h"
#include "vcompound/base/atomic.h"

namespace vc::kernel::net {
namespace {

constexpr std::uint64_t kMillisecond = 1000;
constexpr std::uint32_t kLinkPatience = 500;  ///< naps of ten milliseconds
constexpr std::uint32_t kPatience = 100;      ///< naps of a millisecond

}  // namespace

bool E1000Card::probe() {
  if (registers_.value != 0) return true;
  PciFunction function;
  if (!find_pci(kIntel, k82540em, function)) return false;
  const PhysAddr start = pci_memory_range(function, 0);
  if (start.value == 0) return false;
  line_ = pci_interrupt_line(function);
  if (line_ == 0xff) return false;
  enable_pci_memory(function);
  registers_ = map_device(start, kRegisterSpace, "e1000");
  return true;
}

void E1000Card::reset() {
  stop();
  write(Reg::control, read(Reg::control) | control::kReset);
  sleep_for(kMillisecond);
  for (std::uint32_t i = 0; i < kPatience && (read(Reg::control) & control::kReset) != 0; ++i) {
    sleep_for(kMillisecond);
  }
  write(Reg::interrupt_clear, ~0U);
  cause();
}

std::uint16_t E1000Card::read_eeprom(std::uint32_t word) {
  constexpr std::uint32_t kStart = 1;
  constexpr std::uint32_t kReadDone = 1U << 4;
  write(Reg::eeprom_read, word << 8 | kStart);
  for (std::uint32_t i = 0; i < kPatience; ++i) {
    const std::uint32_t answer = read(Reg::eeprom_read);
    if ((answer & kReadDone) != 0) return static_cast<std::uint16_t>(answer >> 16);
    sleep_for(kMillisecond);
  }
  return 0;
}

Mac E1000Card::station_in_eeprom() {
  Mac mac;
  for (std::uint32_t word = 0; word < 3; ++word) {
    const std::uint16_t pair = read_eeprom(word);
    mac.bytes[2 * word] = static_cast<std::uint8_t>(pair);
    mac.bytes[2 * word + 1] = static_cast<std::uint8_t>(pair >> 8);
  }
  return mac;
}

Mac E1000Card::station() {
  Mac mac;
  if ((read(Reg::address_high) & kAddressValid) == 0) {
    mac = station_in_eeprom();
    std::uint32_t words[2] = {0, kAddressValid};
    for (std::uint32_t i = 0; i < 6; ++i) {
      words[i / 4] |= std::uint32_t{mac.bytes[i]} << (i % 4 * 8);
    }
    write(Reg::address_low, words[0]);
    write(Reg::address_high, words[1]);
    return mac;
  }
  const std::uint64_t both = std::uint64_t{read(Reg::address_high)} << 32 | read(Reg::address_low);
  for (std::uint32_t i = 0; i < 6; ++i) mac.bytes[i] = static_cast<std::uint8_t>(both >> (8 * i));
  return mac;
}

void E1000Card::forget_station() {
  write(Reg::address_low, 0);
  write(Reg::address_high, 0);
}

bool E1000Card::raise_link() {
  constexpr std::uint32_t kOff = control::kLinkReset | control::kInvertLoss | control::kPhyReset;
  write(Reg::control, (read(Reg::control) & ~kOff) | control::kSetLinkUp | control::kAutoSpeed);
  for (const Reg flow : {Reg::flow_low, Reg::flow_high, Reg::flow_type, Reg::flow_time}) {
    write(flow, 0);  // no pause frames
  }
  for (std::uint32_t i = 0; i < kLinkPatience; ++i) {
    if ((read(Reg::status) & kStatusLinkUp) != 0) return true;
    sleep_for(10 * kMillisecond);
  }
  return false;
}

void E1000Card::start(PhysAddr receive_ring, PhysAddr transmit_ring, std::uint32_t descriptors,
                      std::uint32_t receive_bits) {
  const auto lower = [](PhysAddr a) {
    return static_cast<std::uint32_t>(a.value);
  };
  const auto upper = [](PhysAddr a) {
    return static_cast<std::uint32_t>(a.value >> 32);
  };
  const std::uint32_t length = descriptors * 16;
  for (std::uint32_t i = 0; i < 128; ++i) {
    write(Reg{static_cast<std::uint32_t>(Reg::multicast_table) + 4 * i}, 0);
  }

  write(Reg::transmit_low, lower(transmit_ring));
  write(Reg::transmit_high, upper(transmit_ring));
  write(Reg::transmit_length, length);
  write(Reg::transmit_head, 0);  // a reset leaves them in the model
  write(Reg::transmit_tail, 0);
  write(Reg::transmit_gap, transmit::kGap);
  set_sending(Sending::running);

  write(Reg::receive_low, lower(receive_ring));
  write(Reg::receive_high, upper(receive_ring));
  write(Reg::receive_length, length);
  write(Reg::receive_head, 0);
  write(Reg::receive_tail, 0);
  write(Reg::receive_delay, 0);
  cause();
  write(Reg::interrupt_set, cause::kTransmitted | cause::kLink | cause::kReceiveLow |
                                cause::kReceiveOverrun | cause::kReceived);
  write(Reg::receive_control, receive_bits | receive::kEnable);
  compiler_barrier();
  set_receive_tail(descriptors - 1);
}

void E1000Card::stop() {
  write(Reg::interrupt_clear, ~0U);
  write(Reg::receive_control, 0);
  write(Reg::transmit_control, 0);
  cause();
}

void E1000Card::set_sending(Sending how) {
  constexpr std::uint32_t kUsual =
      transmit::kPadShort | transmit::kCollisions | transmit::kCollisionDistance;
  write(Reg::transmit_control, how == Sending::running ? kUsual | transmit::kEnable : kUsual);
}

void E1000Card::set_loopback(Loopback how) {
  const std::uint32_t value = how == Loopback::on ? phy::kLoopback | phy::kUsual : phy::kUsual;
  write(Reg::phy, phy::kWrite | phy::kControlRegister << 16 | value);
  for (std::uint32_t i = 0; i < kPatience && (read(Reg::phy) & phy::kReady) == 0; ++i) {
    sleep_for(kMillisecond);
  }
}

}  // namespace vc::kernel::net
