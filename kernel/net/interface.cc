#include "kernel/net/interface.h"

#include "kernel/console/console.h"
#include "kernel/thread/thread.h"
#include "kernel/users/connection_table.h"
#include "vcompound/base/lock.h"

namespace vc::kernel::net {

// ---- opening and closing ------------------------------------------------------------------------

NetError NetworkInterface::open(const InterfaceOptions& options) {
  const NetError error = card_.open(options.card);
  if (error.failed()) return error;
  me_ = {card_.station(), options.address, card_.longest_frame()};
  arp_ = {};
  counters_ = {};
  quit_ = false;
  stopping_.store_release(0);
  thread_ = start_thread("network", &NetworkInterface::run, this);
  if (thread_ == nullptr) {
    card_.close();
    return {"the network thread", Reason::none, {}};
  }
  return {};
}

void NetworkInterface::close() {
  stopping_.store_release(1);
  card_.wake();
  join(thread_);
  thread_ = nullptr;
  card_.close();
}

void NetworkInterface::wait_until_quit() {
  Guard guard(lock_);
  while (!quit_) quit_queue_.wait(lock_);
}

// ---- the thread ---------------------------------------------------------------------------------

void NetworkInterface::run(void* self) { static_cast<NetworkInterface*>(self)->serve(); }

void NetworkInterface::serve() {
  announce();
  while (stopping_.load_acquire() == 0) {
    card_.wait_for_frames();
    for (;;) {
      const ReceivedFrame frame = card_.receive();
      if (frame.descriptors == 0) break;
      const Answer answer = prepare(frame);
      // Before the answer goes out: whoever gets it may send again, and shall find a buffer.
      card_.give_back(frame);
      finish(answer);
    }
  }
}

/// Decides what to answer, and writes it into memory of its own.
NetworkInterface::Answer NetworkInterface::prepare(const ReceivedFrame& frame) {
  Answer answer;
  answer.drop = frame.drop;
  if (frame.drop != Drop::none) return answer;
  const Plan plan = examine(me_, arp_, frame.bytes);
  answer.action = plan.action;
  answer.drop = plan.drop;
  answer.quit = plan.quit;
  if (plan.action == Plan::Action::nothing) return answer;
  const auto memory = allocate({.size = Bytes(plan.length)}, CallSite::here(), Report::quiet);
  if (!memory) {
    answer.drop = Drop::no_memory;
    return answer;
  }
  answer.memory = *memory;
  answer.length = Bytes(plan.length);
  write_answer(me_, plan, identification_++, pointer<std::uint8_t>(memory->address));
  if (plan.action == Plan::Action::udp) note_flow(plan);
  return answer;
}

/// Counts the datagram for its flow, if there is a table. A full table changes nothing here.
void NetworkInterface::note_flow(const Plan& plan) {
  if (!connections().is_open()) return;
  const ConnectionKey flow{.source = plan.to_address.value,
                           .destination = me_.address.value,
                           .source_port = plan.udp.from_port,
                           .destination_port = plan.udp.to_port};
  static_cast<void>(connections().table().count(flow, Bytes(plan.udp.payload.size)));
}

/// Sends the answer; the card's interrupt handler will free its memory.
void NetworkInterface::finish(const Answer& answer) {
  Drop drop = answer.drop;
  if (answer.length.value != 0) drop = card_.send(answer.memory, answer.length);
  count(answer.action, drop);
  if (drop == Drop::none && answer.quit) {
    Guard guard(lock_);
    quit_ = true;
    quit_queue_.wake_all();
  }
}

/// Asks who has our own address: tells the others, and finds out whether somebody has it already.
void NetworkInterface::announce() {
  const auto memory = allocate({.size = Bytes(kShortestFrame)}, CallSite::here(), Report::quiet);
  if (!memory) return;  // nobody needs it: it is a courtesy
  write_arp_request(me_, me_.address, pointer<std::uint8_t>(memory->address));
  static_cast<void>(card_.send(*memory, Bytes(kShortestFrame)));
}

// ---- counting -----------------------------------------------------------------------------------

void NetworkInterface::count(Plan::Action action, Drop drop) {
  Guard guard(lock_);
  if (drop != Drop::none) {
    ++counters_.dropped[static_cast<std::uint32_t>(drop)];
  } else {
    ++counters_.answered[static_cast<std::uint32_t>(action)];
  }
}

InterfaceCounters NetworkInterface::counters() {
  Guard guard(lock_);
  return counters_;
}

void NetworkInterface::print_statistics() {
  const E1000Counters card = card_.counters();
  const InterfaceCounters all = counters();
  const auto answered = [&](Plan::Action action) {
    return all.answered[static_cast<std::uint32_t>(action)];
  };
  Line()
      .text("network: received ")
      .number(card.received_frames)
      .text(" frames, ")
      .number(card.received_bytes)
      .text(" bytes; ")
      .number(card.received_chained)
      .text(" in several buffers, ")
      .number(card.received_wrapped)
      .text(" round the end of the ring");
  Line()
      .text("network: sent ")
      .number(card.sent_frames)
      .text(" frames, ")
      .number(card.sent_bytes)
      .text(" bytes in ")
      .number(card.sent_segments)
      .text(" segments; ")
      .number(card.sent_mapped)
      .text(" from mapped compounds, ")
      .number(card.waits_for_room)
      .text(" waits for room");
  Line()
      .text("network: ")
      .number(card.interrupts)
      .text(" interrupts, ")
      .number(card.overruns)
      .text(" overruns; ")
      .number(card.freed_in_interrupt)
      .text(" compounds freed by the handler");
  Line()
      .text("network: answered ARP ")
      .number(answered(Plan::Action::arp))
      .text(", ICMP ")
      .number(answered(Plan::Action::icmp))
      .text(", UDP ")
      .number(answered(Plan::Action::udp));
  for (std::uint32_t i = 1; i < kDropCount; ++i) {
    if (all.dropped[i] == 0) continue;
    Line()
        .text("network: dropped ")
        .number(all.dropped[i])
        .text(" ")
        .text(name_of(Drop{static_cast<std::uint8_t>(i)}));
  }
}

}  // namespace vc::kernel::net
