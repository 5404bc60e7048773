#!/usr/bin/env bash
# Makes sure that the Debian packages are there that a target needs; installs them when run as root.
#
# Usage: install_dependencies.sh [SET…]       SET: build test check bench compare
#                                             package kernel linux   (default: build)
#
# Quiet and quick when nothing is missing. VCOMPOUND_SKIP_DEPENDENCIES=1 skips the check, for
# systems that have the same things under other names.
# Exit status: 0 all there, 2 bad usage, 3 something is missing (says what and how to install it).
set -euo pipefail

packages_of() {
  case $1 in
    build) echo g++ cmake ninja-build pkg-config libcli11-dev nlohmann-json3-dev libzstd-dev ;;
    test) echo libgtest-dev libgmock-dev ;;
    check) echo zstd clang clang-format clang-tidy libclang-rt-14-dev valgrind ;;
    bench) echo libbenchmark-dev ;;
    compare) echo libmimalloc2.0 libjemalloc2 libtcmalloc-minimal4 libhugetlbfs0 librte-eal23 \
      libboost-dev ;;
    package) echo dpkg-dev file ;;
    kernel) echo qemu-system-x86 tshark ;;
    linux) echo busybox-static make gcc-12 libelf1 libssl3 ;;
    *) return 1 ;;
  esac
}

wanted=()
for set in "${@:-build}"; do
  if ! list=$(packages_of "$set"); then
    echo "install_dependencies: no set '$set'; there are: build test check bench compare package kernel linux" >&2
    exit 2
  fi
  read -ra more <<< "$list"
  wanted+=("${more[@]}")
done

[[ ${VCOMPOUND_SKIP_DEPENDENCIES:-0} == 1 ]] && exit 0

if ! command -v dpkg-query > /dev/null; then
  echo "install_dependencies: this is not a Debian system (no dpkg-query). Needed, by their Debian" \
    "names: ${wanted[*]}. When they are there: export VCOMPOUND_SKIP_DEPENDENCIES=1" >&2
  exit 3
fi

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2> /dev/null) == installed* ]]
}

find_missing() {
  local name
  missing=()
  for name in "${wanted[@]}"; do
    is_installed "$name" || missing+=("$name")
  done
}

find_missing
((${#missing[@]} == 0)) && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if ((EUID != 0)); then
  echo "missing: ${missing[*]}" >&2
  echo "install them with:  sudo sh -c 'apt-get update && $install'" >&2
  exit 3
fi

echo "installing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# Lock: another apt or dpkg may be at work; wait for it up to two minutes instead of failing.
apt=(apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 -q)

explain() {
  tail -n 15 "$log" >&2
  if grep -qiE 'could not get lock|unable to acquire the dpkg' "$log"; then
    echo "install_dependencies: another apt or dpkg is running; wait for it, then try again" >&2
  elif grep -qiE 'could not resolve|failed to fetch|connection|timed out' "$log"; then
    echo "install_dependencies: the package servers cannot be reached; check the network, then" \
      "try again" >&2
  elif grep -qi 'unable to locate package' "$log"; then
    echo "install_dependencies: this system does not offer these packages; Debian 12 does" >&2
  elif grep -qiE 'no space left|enough free space' "$log"; then
    echo "install_dependencies: the disk is full" >&2
  fi
  echo "install_dependencies: failed; by hand:  apt-get update && $install" >&2
  exit 3
}

"${apt[@]}" update > "$log" 2>&1 || explain
"${apt[@]}" install -y --no-install-recommends "${missing[@]}" > "$log" 2>&1 || explain

find_missing
if ((${#missing[@]} > 0)); then
  echo "install_dependencies: still missing after the installation: ${missing[*]}" >&2
  exit 3
fi
