// program.h — the frame every verb runs in: command line, help, errors, exit codes.
//
// A verb is one function that adds a subcommand. When the subcommand is parsed it sets `chosen` to
// a closure that does the work and returns the exit code:
//
//   void register_info(CLI::App& app, Chosen& chosen) {
//     auto options = std::make_shared<InfoOptions>();
//     CLI::App* verb = app.add_subcommand("info", "What this machine offers");
//     verb->add_option("--json", options->json, "Write the facts to FILE as JSON");
//     verb->callback([&chosen, options] { chosen = [options] { return run_info(*options); }; });
//   }
//
// The closure may throw: a ToolError ends the program with its exit code, std::bad_alloc with
// kMachineLacks, any other exception with kFound; each prints what, where and what to do.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string>

namespace vc::tool {

/// What the chosen verb does; returns the exit code.
using Chosen = std::function<int()>;

/// Adds one verb to the program.
using RegisterVerb = void (*)(CLI::App& app, Chosen& chosen);

/// Parses the command line, runs the chosen verb and returns the program's exit code. Never
/// throws. Prints errors to stderr, help and version to stdout. Call it once, from main.
int run_program(int argc, const char* const* argv, std::span<const RegisterVerb> verbs);

/// The command line of this run, quoted for a shell, the program shown as "vcompound": for reports
/// and traces. Empty before run_program.
const std::string& command_line();

/// The program's version, for example "0.1.0".
const char* program_version();

/// Turns the signal that ends a process over its file size limit (ulimit -f) into the error EFBIG,
/// for memory files as for others, so that it can be reported. For verbs that start no other
/// program: the setting would be inherited.
void report_file_size_limit();

}  // namespace vc::tool
