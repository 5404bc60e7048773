#!/usr/bin/env bash
# Installs a build into a scratch prefix and uses it as a stranger would.
#
# Usage: package_test.sh CMAKE BUILD_DIR CONSUMER_DIR CXX CC
set -euo pipefail
cmake=$1 build=$2 consumer=$3 cxx=$4 cc=$5
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix

step() { echo "== $1"; }

step "install"
"$cmake" --install "$build" --prefix "$prefix" > "$scratch/install.log" ||
  { cat "$scratch/install.log"; exit 1; }
include=$prefix/include

step "each installed header compiles alone, with warnings as errors"
mapfile -t headers < <(cd "$include" && find . -name '*.h' | sed 's|^\./||' | LC_ALL=C sort)
if ((${#headers[@]} == 0)); then
  echo "the library installs no header"
  exit 1
fi
for header in "${headers[@]}"; do
  echo "#include <$header>" > "$scratch/one.cc"
  "$cxx" -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Werror \
    -fsyntax-only -I "$include" "$scratch/one.cc"
done
if [[ -f $include/vcompound/vcompound.h ]]; then
  echo '#include <vcompound/vcompound.h>' > "$scratch/one.c"
  "$cc" -std=c11 -Wall -Wextra -Wpedantic -Wstrict-prototypes -Werror \
    -fsyntax-only -I "$include" "$scratch/one.c"
fi

step "nothing installed names the source or the build tree"
if grep -rIlF -e "$build" -e "$consumer" "$prefix" --include='*.cmake' --include='*.pc' \
  --include='*.h'; then
  echo "the files above do"
  exit 1
fi

step "a consumer by CMake"
"$cmake" -S "$consumer" -B "$scratch/by_cmake" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_CXX_COMPILER="$cxx" > "$scratch/cmake.log" || { cat "$scratch/cmake.log"; exit 1; }
"$cmake" --build "$scratch/by_cmake" > "$scratch/build.log" || { cat "$scratch/build.log"; exit 1; }
"$scratch/by_cmake/consumer"

step "a consumer by pkg-config"
pc=$(find "$prefix" -name vcompound.pc -printf '%h\n')
libdir=$(PKG_CONFIG_PATH=$pc pkg-config --variable=libdir vcompound)
read -ra flags < <(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs --static vcompound)
"$cxx" -std=c++20 "$consumer/consumer.cc" "${flags[@]}" -o "$scratch/by_pkg_config"
LD_LIBRARY_PATH=$libdir "$scratch/by_pkg_config"

step "two plugins with an arena each"
plugins=$(dirname "$consumer")/plugins
read -ra flags < <(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs --static vcompound)
"$cxx" -std=c++20 "$plugins/host.cc" -o "$scratch/host" -ldl -pthread
# Linked in these ways, two copies of the library share nothing, everything, or variables only.
for link in -Wl,-Bsymbolic -Wl,-Bdynamic -Wl,-Bsymbolic-functions; do
  for name in one other; do
    "$cxx" -std=c++20 -O2 -fPIC -shared "$plugins/plugin.cc" "${flags[@]}" "$link" \
      -o "$scratch/$name.so"
  done
  echo "   $link"
  LD_LIBRARY_PATH=$libdir "$scratch/host" "$scratch/one.so" "$scratch/other.so"
done

if [[ -x $prefix/bin/vcompound ]]; then
  step "the installed program runs"
  "$prefix/bin/vcompound" --help > /dev/null
fi
echo "package: all steps passed"
