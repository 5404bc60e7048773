#include "kernel/users/xor_buffer.h"

#include "kernel/console/console.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {
namespace {

constinit XorSpeed the_xor_speed;

}  // namespace

XorSpeed& xor_speed() { return the_xor_speed; }

bool XorSpeed::open() {
  UserMemory buffer;
  if (!buffer.open("xor buffer", XorTrial::kBufferSize)) return false;
  kind_ = buffer.what().kind;
  chosen_ = choose_xor(buffer.at(), kXorRoutines, kXorRoutineCount, results_,
                       [] { return x86::read_tsc(); });
  buffer.close();
  if (!is_open()) Line().text("xor buffer: no routine computes what it should");
  return is_open();
}

void XorSpeed::print() {
  Line line;
  line.text("xor buffer (").text(name_of(kind_)).text("): ");
  for (std::uint32_t i = 0; i < kXorRoutineCount; ++i) {
    line.text(kXorRoutines[i].name).text(" ").number(results_[i].best).text(" ticks, ");
  }
  line.text("chosen: ").text(is_open() ? fastest().name : "none");
}

}  // namespace vc::kernel
