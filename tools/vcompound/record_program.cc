// record_program.cc — fork, exec with LD_PRELOAD, and waiting for every descendant.
#include "tools/vcompound/record_program.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

#include "tools/recorder/buffer_format.h"
#include "tools/vcompound/common/exit_code.h"

namespace vc::tool {
namespace {

std::string errno_text(int code) { return std::generic_category().message(code); }

/// Blocks the signals that waiting is about, and puts the old mask back.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    ::sigemptyset(&set_);
    for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&set_, number);
    ::sigprocmask(SIG_BLOCK, &set_, &old_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { restore(); }
  void restore() const { ::sigprocmask(SIG_SETMASK, &old_, nullptr); }
  int wait() const {
    int number = 0;
    ::sigwait(&set_, &number);
    return number;
  }

 private:
  sigset_t set_{};
  sigset_t old_{};
};

void set_environment(const RecordedProgram& program) {
  std::string preload = program.recorder;
  if (const char* const old = std::getenv("LD_PRELOAD"); old != nullptr && *old != '\0') {
    preload += std::string(":") + old;
  }
  ::setenv("LD_PRELOAD", preload.c_str(), 1);
  ::setenv(recorder::kFolderVariable, program.folder.c_str(), 1);
  ::setenv(recorder::kMinSizeVariable, std::to_string(program.min_size).c_str(), 1);
}

/// In the child: becomes the program, or reports through the pipe why it cannot.
[[noreturn]] void execute(const RecordedProgram& program, int report) {
  std::vector<char*> arguments;
  std::vector<std::string> words = program.command;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  set_environment(program);
  ::execvp(arguments[0], arguments.data());
  const int code = errno;
  [[maybe_unused]] const auto written = ::write(report, &code, sizeof code);
  ::_exit(127);
}

/// Starts the program; the pipe closes by itself when exec succeeds.
pid_t start(const RecordedProgram& program, const SignalsBlocked& signals) {
  std::array<int, 2> pipe_ends{};
  if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
    throw ToolError(ExitCode::kMachineLacks, "record: no pipe: " + errno_text(errno),
                    "Close programs, or raise the limit of open files (ulimit -n).");
  }
  const pid_t child = ::fork();
  if (child < 0) {
    throw ToolError(ExitCode::kMachineLacks, "record: no process: " + errno_text(errno),
                    "Close programs, or raise the limit of processes (ulimit -u).");
  }
  if (child == 0) {
    signals.restore();
    execute(program, pipe_ends[1]);
  }
  ::close(pipe_ends[1]);
  int code = 0;
  const ssize_t got = ::read(pipe_ends[0], &code, sizeof code);
  ::close(pipe_ends[0]);
  if (got != static_cast<ssize_t>(sizeof code)) return child;
  ::waitpid(child, nullptr, 0);
  throw ToolError(ExitCode::kUsage,
                  "record: cannot run '" + program.command[0] + "': " + errno_text(code),
                  "Check the name, PATH and the permissions of the program.");
}

enum class Family { kProgramLives, kDescendantsOnly, kGone };

/// Reaps whatever has ended.
Family reap(pid_t program, ProgramEnd& end, Family before) {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return Family::kGone;
    if (pid == 0) return before;
    if (pid == program) {
      end.wait_status = status;
      before = Family::kDescendantsOnly;
    }
  }
}

}  // namespace

ProgramEnd run_recorded(const RecordedProgram& program) {
  const SignalsBlocked signals;
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::signal(SIGCHLD, SIG_DFL);  // if the caller ignores it, exit statuses are lost
  const pid_t child = start(program, signals);
  ProgramEnd end;
  Family family = Family::kProgramLives;
  for (;;) {
    family = reap(child, end, family);
    if (family == Family::kGone) return end;
    const int number = signals.wait();
    if (number == SIGCHLD) continue;
    if (family == Family::kDescendantsOnly) {
      end.left_running = true;
      return end;
    }
    if (number == SIGTERM || number == SIGHUP) ::kill(child, number);
  }
}

}  // namespace vc::tool
