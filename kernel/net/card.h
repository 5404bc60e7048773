// E1000Card: the registers of one 82540EM. It finds the card, resets it, reads its address, and
// starts and stops it; rings and interrupts are the driver's (e1000.h).
#pragma once

#include "kernel/net/e1000_registers.h"
#include "kernel/net/protocol/bytes.h"
#include "vcompound/base/units.h"

namespace vc::kernel::net {

/// See the head of this file. One user at a time, but for cause() and the tails.
class E1000Card {
 public:
  constexpr E1000Card() = default;
  E1000Card(const E1000Card&) = delete;
  E1000Card& operator=(const E1000Card&) = delete;

  /// Finds the card and maps its registers, which stay mapped; false if there is none.
  bool probe();
  std::uint32_t interrupt_line() const { return line_; }

  /// Stops everything and masks every interrupt. Sleeps for about a millisecond.
  void reset();
  /// The address that the card was given; from the EEPROM if the filter has none.
  Mac station();
  /// The address in the EEPROM.
  Mac station_in_eeprom();
  /// Takes the address out of the card's filter (for tests): station() puts it in again.
  void forget_station();
  /// Sets the link up and waits for it, asleep, for a few seconds; false if it stays down.
  bool raise_link();
  /// Starts sending and receiving with these rings, and unmasks the interrupts. The model of the
  /// card receives nothing for one second afterwards; frames wait outside meanwhile.
  void start(PhysAddr receive_ring, PhysAddr transmit_ring, std::uint32_t descriptors,
             std::uint32_t receive_bits);
  /// Masks the interrupts, stops sending and receiving.
  void stop();

  /// Why the card interrupts; forgets it. 0: it does not.
  std::uint32_t cause() { return read(Reg::interrupt_cause); }
  void set_receive_tail(std::uint32_t index) { write(Reg::receive_tail, index); }
  void set_transmit_tail(std::uint32_t index) { write(Reg::transmit_tail, index); }
  /// Stops sending, or goes on with what lies in the ring (for tests).
  enum class Sending : bool { stopped, running };
  void set_sending(Sending how);
  /// Interrupts as if a frame had been sent (for tests).
  void interrupt() { write(Reg::interrupt_raise, cause::kTransmitted); }
  /// What is sent comes back (for tests).
  enum class Loopback : bool { off, on };
  void set_loopback(Loopback how);

 private:
  std::uint32_t read(Reg reg) const { return *at(reg); }
  void write(Reg reg, std::uint32_t value) { *at(reg) = value; }
  volatile std::uint32_t* at(Reg reg) const {
    return reinterpret_cast<volatile std::uint32_t*>(registers_.value +
                                                     static_cast<std::uint64_t>(reg));
  }
  std::uint16_t read_eeprom(std::uint32_t word);

  VirtAddr registers_{};
  std::uint32_t line_ = 0xff;
};

}  // namespace vc::kernel::net
