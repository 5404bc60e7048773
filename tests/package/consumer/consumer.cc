// A stranger's program: links the installed library and calls into it.
#include <vcompound/base/error.h>

#include <cstdio>
#include <cstring>

int main() {
  const char* name = vc::name_of(vc::Reason::fragmentation);
  std::printf("%s\n", name);
  return std::strcmp(name, "fragmentation") == 0 ? 0 : 1;
}
