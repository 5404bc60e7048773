// output_file.cc — atomic writing of result files.
#include "tools/vcompound/common/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/text_table.h"

namespace vc::tool {
namespace {

namespace fs = std::filesystem;

std::string remedy_for(int error) {
  switch (error) {
    case ENOENT: return "create the directory first, or name another one";
    case EACCES:
    case EPERM:
    case EROFS: return "name a file in a directory you may write to";
    case ENOSPC:
    case EDQUOT: return "free some space, or name a file on another disk";
    case EISDIR: return "name a file, not a directory";
    case ENOTDIR:
      return "a part of the path is a file where a directory is needed; name another path";
    default: return "name another file";
  }
}

[[noreturn]] void fail(const std::string& path, int error) {
  throw ToolError(ExitCode::kUsage, "cannot write " + printable(path) + ": " + std::strerror(error),
                  remedy_for(error));
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { static_cast<void>(close_now()); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  /// Closes; 0 or the error.
  int close_now() {
    const int fd = fd_;
    fd_ = -1;
    return fd >= 0 && close(fd) != 0 ? errno : 0;
  }

 private:
  int fd_;
};

/// 0 or the error.
int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

/// Where a path ends after its symbolic links, and whether a rename may replace what is there.
struct Place {
  std::string path;
  bool replaceable;
};

Place resolve(const std::string& path) {
  std::error_code error;
  const fs::path target =
      fs::is_symlink(path, error) ? fs::weakly_canonical(path, error) : fs::path(path);
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) fail(path, EISDIR);
  const bool replaceable = !fs::exists(status) || fs::is_regular_file(status);
  return {target.empty() ? path : target.string(), replaceable};
}

std::string temporary_beside(const std::string& path) {
  return path + ".part-" + std::to_string(getpid());
}

void write_directly(const Place& place, std::string_view content) {
  Descriptor file(open(place.path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0) fail(place.path, errno);
  if (const int error = write_all(file.get(), content); error != 0) fail(place.path, error);
}

void write_stdout(std::string_view content) {
  std::cout.flush();
  if (const int error = write_all(STDOUT_FILENO, content); error != 0) fail("stdout", error);
}

}  // namespace

void require_writable(const std::string& path) {
  if (path.empty() || path == "-") return;
  const Place place = resolve(path);
  const int flags = O_WRONLY | O_CLOEXEC;
  if (!place.replaceable) return;
  if (access(place.path.c_str(), F_OK) == 0 && access(place.path.c_str(), W_OK) != 0) {
    fail(path, errno);
  }
  const std::string temporary = temporary_beside(place.path);
  const Descriptor file(open(temporary.c_str(), flags | O_CREAT | O_EXCL, 0666));
  if (file.get() < 0) fail(path, errno);
  unlink(temporary.c_str());
}

void write_file(const std::string& path, std::string_view content) {
  if (path == "-") return write_stdout(content);
  const Place place = resolve(path);
  if (!place.replaceable) return write_directly(place, content);
  const std::string temporary = temporary_beside(place.path);
  Descriptor file(open(temporary.c_str(), O_WRONLY | O_CLOEXEC | O_CREAT | O_TRUNC, 0666));
  if (file.get() < 0) fail(path, errno);
  int error = write_all(file.get(), content);
  if (error == 0) error = file.close_now();
  if (error == 0 && rename(temporary.c_str(), place.path.c_str()) != 0) error = errno;
  if (error == 0) return;
  unlink(temporary.c_str());
  fail(path, error);
}

void write_json(const std::string& path, const nlohmann::json& value) {
  write_file(path, value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::ostream& text_stream(const std::string& json_path) {
  return json_path == "-" ? std::cerr : std::cout;
}

}  // namespace vc::tool
