// record_program.h — running a program and all its descendants under the recorder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vc::tool {

/// How to run it.
struct RecordedProgram {
  std::vector<std::string> command;  ///< name (searched in PATH) and arguments
  std::string recorder;              ///< absolute path of the library; no blank and no colon
  std::string folder;                ///< absolute path of the folder for the buffers
  std::uint64_t min_size = 0;        ///< bytes
};

/// How it ended.
struct ProgramEnd {
  int wait_status = 0;        ///< of the program itself, as waitpid() tells it
  bool left_running = false;  ///< descendants still ran when waiting was broken off by a signal
};

/// Runs the program and waits for it and for all its descendants, also those that left it.
///
/// SIGINT, SIGQUIT, SIGTERM and SIGHUP: while the program lives they are its own (the terminal
/// sends it the first two anyway, the others are passed on); afterwards they end the waiting for
/// descendants.
/// Throws ToolError: kUsage if the program cannot be executed, kMachineLacks if no process can be
/// made. Call it from a single-threaded process.
ProgramEnd run_recorded(const RecordedProgram& program);

}  // namespace vc::tool
