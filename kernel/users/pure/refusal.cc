// What a user says when its memory was refused. Pure.
#include "kernel/users/user_memory.h"

namespace vc::kernel {

void describe_refusal(const char* user, Bytes size, const Error& error, TextWriter& out) {
  out.text(user).text(": ").size(size).text(" refused: ");
  describe(error, out);
}

}  // namespace vc::kernel
