// The beginning and the end of a program image.
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/recorder/interpose.h"

namespace {

/// Also in a program that allocates nothing large: its buffer file shows that an exec happened.
__attribute__((constructor)) void begin_image() { vc::recorder::ProcessRecorder::get(); }

__attribute__((destructor)) void end_image() { vc::recorder::ProcessRecorder::finish(); }

[[noreturn]] void exit_now(int status) {
  vc::recorder::ProcessRecorder::finish();
  for (;;) ::syscall(SYS_exit_group, status);
}

}  // namespace

VC_REPLACES __attribute__((noreturn)) void _exit(int status) { exit_now(status); }

VC_REPLACES __attribute__((noreturn)) void _Exit(int status) noexcept { exit_now(status); }
