// program.cc — parsing of the command line and the mapping of every failure to an exit code.
#include "tools/vcompound/common/program.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <new>
#include <string_view>
#include <vector>

#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/suggest.h"
#include "tools/vcompound/common/text_table.h"

#ifndef VC_PROGRAM_VERSION
#error "define VC_PROGRAM_VERSION, for example as \"0.1.0\""
#endif

namespace vc::tool {
namespace {

constexpr std::string_view kProgram = "vcompound";
constexpr const char* kFooter =
    "Sizes: 4096, 32KiB, 1.5M, 3.5GiB (powers of 1024). Ratios: 0.968 or 96.8%.";
constexpr const char* kExitCodes =
    "\n\nExit codes:\n"
    "  0  done\n"
    "  1  the run found what it must not: a refusal where none may be, a content error\n"
    "  2  bad usage or input\n"
    "  3  the machine lacks something; the message says what";

std::string& stored_command_line() {
  static std::string line;
  return line;
}

std::string shell_quoted(std::string_view word) {
  constexpr std::string_view kPlain = "%+,-./:=@_";
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || kPlain.find(c) != std::string_view::npos;
  });
  if (plain) return std::string(word);
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

void store_command_line(std::span<const char* const> arguments) {
  std::string line(kProgram);
  for (const char* argument : arguments.subspan(std::min<std::size_t>(1, arguments.size()))) {
    line += " " + shell_quoted(argument);
  }
  stored_command_line() = printable(line);
}

/// The verb that was typed, or the program itself.
const CLI::App& innermost(const CLI::App& app) {
  const auto verbs = app.get_subcommands();
  return verbs.empty() ? app : *verbs.back();
}

std::string full_name(const CLI::App& verb) {
  return verb.get_parent() == nullptr ? std::string(kProgram)
                                      : std::string(kProgram) + " " + verb.get_name();
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

int print_error(const std::string& where, const std::string& what, const std::string& remedy,
                ExitCode code) {
  std::cout.flush();
  std::cerr << where << ": error: " << what << "\n";
  if (!remedy.empty()) std::cerr << "  " << remedy << "\n";
  return to_int(code);
}

int usage_error(const CLI::App& verb, const std::string& what, const std::string& hint) {
  const std::string help = "'" + full_name(verb) + " --help' shows the usage";
  return print_error(full_name(verb), what, hint.empty() ? help : hint + "\n  " + help,
                     ExitCode::kUsage);
}

/// A word that belongs to no option and no verb: says which kind it is and what is near.
int unexpected_word(const CLI::App& app, const std::string& word) {
  const bool is_option = word.size() > 1 && word.front() == '-';
  const std::vector<std::string> top_words = app.remaining(false);
  const bool at_top = std::find(top_words.begin(), top_words.end(), word) != top_words.end();
  const CLI::App& verb = at_top ? app : innermost(app);
  const bool wants_verb = at_top && !is_option;
  const std::string name = is_option ? word.substr(0, word.find('=')) : word;
  const std::string shown = printable(name);
  std::string near;
  if (is_option) near = nearest(name, option_names(verb));
  if (wants_verb) near = nearest(name, verb_names(app));
  std::string hint = near.empty() ? "" : "did you mean " + near + "?";
  if (wants_verb) {
    if (hint.empty()) hint = "the verbs are " + joined(verb_names(app));
    return usage_error(verb, "there is no verb '" + shown + "'", hint);
  }
  if (is_option) return usage_error(verb, "there is no option " + shown, hint);
  return usage_error(verb, "'" + shown + "' was not expected here", "leave it out");
}

/// The first word that nothing took, options before others; empty when all were taken.
std::string first_unexpected(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining(true);
  const auto option = std::find_if(words.begin(), words.end(), [](const std::string& word) {
    return word.size() > 1 && word.front() == '-' && word != "--";
  });
  if (option != words.end()) return *option;
  const auto word =
      std::find_if(words.begin(), words.end(), [](const std::string& w) { return w != "--"; });
  return word != words.end() ? *word : "";
}

int parse_failure(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& verb = innermost(app);
  const bool incomplete = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr ||
                          dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  const std::string unexpected = incomplete ? first_unexpected(app) : "";
  if (!unexpected.empty()) return unexpected_word(app, unexpected);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && verb.get_parent() == nullptr) {
    return usage_error(verb, "no verb is given", "the verbs are " + joined(verb_names(app)));
  }
  std::string hint;
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    hint = "give the option its value, as in --option=VALUE";
  }
  return usage_error(verb, printable(error.what()), hint);
}

void configure(CLI::App& app, std::span<const RegisterVerb> verbs, Chosen& chosen) {
  app.name(std::string(kProgram));
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("--version", std::string(kProgram) + " " + program_version(),
                       "Print the version and exit");
  app.footer(std::string(kFooter) + kExitCodes);
  app.require_subcommand(1);
  app.get_formatter()->column_width(30);
  app.get_formatter()->label("SUBCOMMAND", "VERB");
  for (const RegisterVerb register_verb : verbs) register_verb(app, chosen);
  for (CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    verb->group("Verbs");
    const std::string footer = verb->get_footer();
    const bool explained = footer.find("Exit codes:") != std::string::npos ||
                           footer.find("exit status") != std::string::npos;
    if (!explained) verb->footer(footer + kExitCodes);
  }
}

/// Runs the verb; its failures become messages and exit codes.
int run_chosen(const std::string& where, const Chosen& chosen) {
  try {
    const int code = chosen();
    std::cout.flush();
    if (std::cout.good()) return code;
    return print_error(where, "cannot write to stdout",
                       "check where it is redirected to (is the disk full?)", ExitCode::kUsage);
  } catch (const ToolError& error) {
    return print_error(where, error.what(), error.remedy(), error.code());
  } catch (const std::bad_alloc&) {
    return print_error(where, "out of memory",
                       "free some memory, or ask for less (a smaller --budget, a shorter trace)",
                       ExitCode::kMachineLacks);
  } catch (const std::exception& error) {
    return print_error(where, std::string("internal error: ") + error.what(),
                       "this is a bug of vcompound: please report it with the command line",
                       ExitCode::kFound);
  }
}

int parse_and_run(int argc, const char* const* argv, std::span<const RegisterVerb> verbs) {
  CLI::App app(
      "Virtual compound pages: contiguous memory first, mapped memory when it is "
      "fragmented");
  Chosen chosen;
  configure(app, verbs, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    chosen = [text = std::string(version.what())] {
      std::cout << text << "\n";
      return to_int(ExitCode::kDone);
    };
  } catch (const CLI::Success&) {
    chosen = [text = app.help()] {
      std::cout << text;
      return to_int(ExitCode::kDone);
    };
  } catch (const CLI::ParseError& error) {
    return parse_failure(app, error);
  }
  if (!chosen)
    chosen = [] {
      return to_int(ExitCode::kDone);
    };
  return run_chosen(full_name(innermost(app)), chosen);
}

}  // namespace

const std::string& command_line() { return stored_command_line(); }

void report_file_size_limit() { static_cast<void>(std::signal(SIGXFSZ, SIG_IGN)); }

const char* program_version() { return VC_PROGRAM_VERSION; }

int run_program(int argc, const char* const* argv, std::span<const RegisterVerb> verbs) {
  try {
    store_command_line({argv, static_cast<std::size_t>(argc)});
    return parse_and_run(argc, argv, verbs);
  } catch (const std::bad_alloc&) {
    return print_error(std::string(kProgram), "out of memory", "", ExitCode::kMachineLacks);
  } catch (const std::exception& error) {
    return print_error(std::string(kProgram), error.what(), "", ExitCode::kFound);
  }
}

}  // namespace vc::tool
