// A parent and its child share an arena: the child reads and writes what the parent allocated, and
// the parent sees it. Allocating and freeing stay with the parent; in the child they are refused.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "vcompound/arena.h"

namespace {

constexpr const char* kAnswer = "written by the child";

/// The child: uses the memory, may not allocate. Exit status 0 if all is as promised.
int child(vc::Arena& arena, char* shared) {
  if (std::strcmp(shared, "written by the parent") != 0) return 1;
  std::strcpy(shared, kAnswer);
  const auto refused = arena.allocate(vc::kib(64));
  if (refused || refused.error().reason != vc::Reason::policy) return 2;
  std::printf("child: %s\n", vc::to_string(refused.error()).c_str());
  std::fflush(stdout);
  return 0;
}

}  // namespace

int main() {
  auto arena = vc::Arena::create({.budget = vc::mib(16), .warn_above = vc::kNeverWarn});
  if (!arena) return std::puts(vc::to_string(arena.error()).c_str()), 1;
  // Mapped or contiguous makes no difference: both are shared.
  auto shared = arena->allocate({.size = vc::mib(1), .contiguity = vc::Contiguity::never});
  if (!shared) return std::puts(vc::to_string(shared.error()).c_str()), 1;
  auto* text = static_cast<char*>(shared->data());
  std::strcpy(text, "written by the parent");

  const pid_t pid = fork();
  if (pid < 0) return std::perror("fork"), 1;
  if (pid == 0) _exit(child(*arena, text));
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return std::perror("waitpid"), 1;
  std::printf("parent: the child ended with %d; the memory says \"%s\"\n", WEXITSTATUS(status),
              text);
  return WEXITSTATUS(status) == 0 && std::strcmp(text, kAnswer) == 0 ? 0 : 1;
}
