// record.h — the verb `record`: runs a program with the recorder preloaded and writes its trace.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/vcompound/common/program.h"

namespace vc::tool {

/// What the command line of `record` says.
struct RecordOptions {
  std::string output;                  ///< the trace; compressed when it ends in .zst
  std::uint64_t min_size = 16 * 1024;  ///< bytes; smaller allocations are not recorded
  std::uint64_t level = 9;             ///< zstd, 1 … 19
  std::string buffer_folder;           ///< for the buffers; empty: TMPDIR, else /tmp
  std::string recorder;                ///< the library; empty: found by find_recorder()
  bool quiet = false;                  ///< no summary
  std::vector<std::string> program;    ///< name and arguments
};

/// Runs the program and writes the trace. Returns the program's exit status, or 128 + the signal
/// that ended it. Throws ToolError (kUsage, kMachineLacks) for what is record's own failure.
int run_record(const RecordOptions& options);

/// The recorder library: beside the program in a build tree, else where an installation puts it.
/// Throws ToolError (kMachineLacks) naming the places that were looked at.
std::string find_recorder();

/// Adds the verb.
void register_record(CLI::App& app, Chosen& chosen);

}  // namespace vc::tool
