// The program that the recorder tests record: each mode makes known allocations of 100,000 bytes
// and more. It is built without sanitizers, and also against other malloc libraries.
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <thread>
#include <vector>

extern char** environ;

namespace {

constexpr std::size_t kImpossible = PTRDIFF_MAX / 2;

/// Keeps the compiler from removing an allocation that is not used.
template <class T>
T* keep(T* pointer) {
  asm volatile("" : "+r"(pointer) : : "memory");
  return pointer;
}

void* get(std::size_t bytes) { return keep(std::malloc(bytes)); }

std::size_t hidden(std::size_t bytes) {
  asm volatile("" : "+r"(bytes));
  return bytes;
}

int run_malloc() {
  std::free(get(100'001));
  std::free(keep(std::calloc(1'000, 101)));
  std::free(get(99'999));  // below the tests' --min-size
  std::free(keep(::reallocarray(nullptr, 1'001, 100)));
  std::free(keep(std::realloc(nullptr, 100'003)));
  return 0;
}

int run_realloc() {
  void* block = get(100'001);
  block = keep(std::realloc(block, 200'001));
  block = keep(std::realloc(block, 150'000));
  block = keep(std::realloc(block, 50));
  block = keep(std::realloc(block, 100'007));
  if (std::realloc(block, hidden(kImpossible)) != nullptr) return 1;
  std::free(block);
  return 0;
}

int run_aligned() {
  std::free(keep(::memalign(4096, 100'001)));
  void* block = nullptr;
  if (::posix_memalign(&block, 256, 100'002) != 0) return 1;
  std::free(block);
  std::free(keep(std::aligned_alloc(64, 100'032)));
  std::free(keep(::valloc(100'003)));
  return 0;
}

struct alignas(64) Wide {
  char bytes[128'000];
};
struct Plain {
  char bytes[128'001];
};

int run_new() {
  delete[] keep(new char[100'001]);
  delete[] keep(new (std::nothrow) char[100'002]);
  delete keep(new Plain);
  delete keep(new Wide);
  delete[] keep(new Wide[2]);
  delete keep(new (std::nothrow) Wide);
  return 0;
}

int run_bad_new() {
  if (new (std::nothrow) char[hidden(kImpossible)] != nullptr) return 1;
  try {
    keep(new char[hidden(kImpossible)]);
  } catch (const std::bad_alloc&) {
    return 0;
  }
  return 1;
}

void* map(void* at, std::size_t bytes, int protection = PROT_READ | PROT_WRITE, int more = 0) {
  return ::mmap(at, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | more, -1, 0);
}

int run_mmap() {
  constexpr std::size_t kKiB = 1024;
  char* const first = static_cast<char*>(map(nullptr, 1024 * kKiB));
  ::munmap(first + 256 * kKiB, 256 * kKiB);
  map(first + 768 * kKiB, 128 * kKiB, PROT_READ | PROT_WRITE, MAP_FIXED);
  ::munmap(first, 1024 * kKiB);
  void* second = map(nullptr, 128 * kKiB);
  second = ::mremap(second, 128 * kKiB, 2048 * kKiB, MREMAP_MAYMOVE);
  ::munmap(second, 2048 * kKiB);
  ::munmap(map(nullptr, 300 * kKiB, PROT_NONE), 300 * kKiB);
  ::munmap(map(nullptr, 300 * kKiB, PROT_READ | PROT_WRITE, MAP_NORESERVE), 300 * kKiB);
  const int self = ::open("/proc/self/exe", O_RDONLY);
  ::munmap(::mmap(nullptr, 300 * kKiB, PROT_READ, MAP_PRIVATE, self, 0), 300 * kKiB);
  ::close(self);
  return 0;
}

/// Four threads get 500 blocks each; each frees those of its neighbour.
int run_threads() {
  constexpr std::size_t kThreads = 4;
  std::array<std::vector<void*>, kThreads> blocks;
  for (auto& list : blocks) list.resize(500);
  const auto each = [&](auto work) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
    for (auto& thread : threads) thread.join();
  };
  each([&](std::size_t i) {
    for (auto& block : blocks[i]) block = get(100'000 + i);
  });
  each([&](std::size_t i) {
    for (auto& block : blocks[(i + 1) % kThreads]) std::free(block);
  });
  return 0;
}

int wait_for(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run_fork() {
  void* const inherited = get(100'001);
  const pid_t child = ::fork();
  if (child == 0) {
    std::free(inherited);  // the child's copy: no event
    std::free(get(100'002));
    keep(get(100'003));
    ::_exit(0);
  }
  if (wait_for(child) != 0) return 1;
  std::free(inherited);
  return 0;
}

int run_exec(char** arguments) {
  keep(get(300'001));
  std::array<char, 8> mode = {"malloc"};
  std::array<char*, 3> words = {arguments[0], mode.data(), nullptr};
  ::execv(arguments[0], words.data());
  return 1;
}

int run_spawn(char** arguments) {
  void* const block = get(300'001);
  std::array<char, 8> mode = {"malloc"};
  std::array<char*, 3> words = {arguments[0], mode.data(), nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, arguments[0], nullptr, nullptr, words.data(), environ) != 0) return 1;
  const int status = wait_for(child);
  std::free(block);
  return status;
}

/// The child outlives its parent and is recorded to its end.
int run_daemon() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return 1;
  if (::fork() != 0) ::_exit(0);
  ::setsid();
  ::close(ends[1]);
  char byte = 0;
  while (::read(ends[0], &byte, 1) > 0) {  // until the parent's end is closed by its exit
  }
  std::free(get(100'009));
  return 0;
}

int run_crash(bool by_kill) {
  void* const first = get(100'001);
  keep(get(100'002));
  std::free(first);
  if (by_kill) {
    ::kill(::getpid(), SIGKILL);
  } else {
    ::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
  }
  return 1;
}

int run_many() {
  for (int i = 0; i < 30'000; ++i) std::free(get(100'000));
  return 0;
}

int run_closed() {
  ::close_range(3, ~0u, 0);
  if (::chdir("/") != 0) return 1;
  return run_many();
}

/// Threads allocate while the main thread forks children that allocate.
int run_fork_storm() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([] {
      for (int k = 0; k < 5'000; ++k) std::free(get(100'000));
    });
  }
  int failures = 0;
  for (int i = 0; i < 20; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::munmap(map(nullptr, 1 << 20), 1 << 20);
      ::_exit(0);
    }
    failures += wait_for(child);
  }
  for (auto& thread : threads) thread.join();
  return failures;
}

/// Not a test: prints what a pair of malloc and free costs, to compare with and without recorder.
int run_loop(char** arguments) {
  const std::size_t bytes = std::strtoull(arguments[2], nullptr, 10);
  const long count = std::strtol(arguments[3], nullptr, 10);
  std::array<void*, 16> live{};
  const auto start = std::chrono::steady_clock::now();
  for (long i = 0; i < count; ++i) {
    void*& block = live[static_cast<std::size_t>(i) % live.size()];
    std::free(block);
    block = get(bytes);
  }
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
  std::printf("%.1f ns per malloc and free of %zu bytes\n",
              spent.count() / static_cast<double>(count), bytes);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "loop" && argc == 4) return run_loop(argv);
  if (mode == "malloc") return run_malloc();
  if (mode == "realloc") return run_realloc();
  if (mode == "aligned") return run_aligned();
  if (mode == "new") return run_new();
  if (mode == "bad_new") return run_bad_new();
  if (mode == "mmap") return run_mmap();
  if (mode == "threads") return run_threads();
  if (mode == "fork") return run_fork();
  if (mode == "exec") return run_exec(argv);
  if (mode == "spawn") return run_spawn(argv);
  if (mode == "daemon") return run_daemon();
  if (mode == "segv") return run_crash(false);
  if (mode == "kill") return run_crash(true);
  if (mode == "many") return run_many();
  if (mode == "closed") return run_closed();
  if (mode == "fork_storm") return run_fork_storm();
  if (mode == "exit7") return 7;
  std::fprintf(stderr, "subject: no mode '%s'\n", argc > 1 ? argv[1] : "");
  return 64;
}
