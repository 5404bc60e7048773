// Who called whom, by the chain of frame pointers.
#include "kernel/arch/panic.h"
#include "kernel/arch/probe.h"
#include "kernel/arch/symbols.h"
#include "kernel/boot/boot_info.h"

namespace vc::kernel {

namespace {

constexpr std::uint32_t kMostLines = 32;
constexpr std::uint32_t kMostCalls = 10'000;

bool is_code(std::uint64_t ip) {
  return ip >= reinterpret_cast<std::uintptr_t>(text_start) &&
         ip < reinterpret_cast<std::uintptr_t>(text_end);
}

/// Prints calls, one line each; of a deep recursion the first and how many more.
class CallPrinter {
 public:
  ~CallPrinter() { print_repeats(); }

  bool is_full() const { return lines_ >= kMostLines || calls_ >= kMostCalls; }
  /// `ip` is where the code goes on; the function is that of the byte at `within`: the call may be
  /// the last instruction of its function.
  void add(std::uint64_t ip, std::uint64_t within) {
    const std::uint32_t number = calls_++;
    if (number != 0 && ip == last_) {
      ++repeats_;
      return;
    }
    print_repeats();
    last_ = ip;
    ++lines_;
    PanicLine line;
    line.text("  #").number(number).text(number < 10 ? "  " : " ");
    line.word(ip);
    const Symbol symbol = find_symbol(within);
    if (symbol.name != nullptr) line.text(" ").text(symbol.name).text(" + ").hex(ip - symbol.start);
  }

 private:
  void print_repeats() {
    if (repeats_ != 0) PanicLine().text("  ... the same ").number(repeats_).text(" times more");
    repeats_ = 0;
  }

  std::uint64_t last_ = 0;
  std::uint32_t calls_ = 0;
  std::uint32_t repeats_ = 0;
  std::uint32_t lines_ = 0;
};

/// What a frame pointer points to.
struct CallRecord {
  std::uint64_t caller;  ///< the frame pointer of the caller
  std::uint64_t return_address;
};

/// False: there is no such thing there.
bool read_record(std::uint64_t bp, CallRecord& record) {
  return bp != 0 && bp % 8 == 0 && probe_read(VirtAddr(bp), record.caller) &&
         probe_read(VirtAddr(bp + 8), record.return_address) && is_code(record.return_address);
}

}  // namespace

//      bp ---> | bp of the caller     | ---> | bp of its caller | ---> ... ---> 0
//              | address to return to |      | ...              |
void print_backtrace(const Place& place) {
  PanicLine().text("called from, innermost first:");
  CallPrinter calls;
  calls.add(place.ip, place.ip);
  // A call of something that is no code: its return address lies on the stack, and bp is the
  // caller's.
  std::uint64_t caller = 0;
  if (!is_code(place.ip) && probe_read(VirtAddr(place.sp), caller) && is_code(caller)) {
    calls.add(caller, caller - 1);
  }
  std::uint64_t bp = place.bp;
  CallRecord record{};
  while (!calls.is_full() && read_record(bp, record)) {
    calls.add(record.return_address, record.return_address - 1);
    if (record.caller <= bp) return;  // stacks grow down: 0 is the end, anything else is garbage
    bp = record.caller;
  }
}

}  // namespace vc::kernel
