#!/usr/bin/env bash
# Takes one safeguard after the other out of the code and sees the test that is meant for it fail.
#
# Usage: test_mutations.sh [NAME…]      (default: all of tests/mutations)
#
# Each mutation is a file tests/mutations/NAME.patch (`patch -p1`) that begins with
#     # what: what the code does wrong with it
#     # test: Suite.Name       the kernel test that must notice
#     # cpus: 2                on that many processors (default: 1)
#     # hangs: yes             a test that does not end counts as noticed (default: no)
# The tree is copied; in the copy the image is built and the tests must pass. Then, for each
# mutation, it is built again with the patch, and the test must fail or panic. A patch that does not
# apply, or does not compile, is an error, as is a timeout.
#
# JOBS (default: the number of processors) and KEEP=1 (keeps the copy) are read from the
# environment. Exit status: 0 all were noticed, 1 some were not, 2 an error, 77 there is no QEMU.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
jobs=${JOBS:-$(nproc)}
limit=60  # seconds for one boot

if ! command -v qemu-system-x86_64 > /dev/null; then
  echo "test_mutations.sh: skipped: qemu-system-x86_64 is not installed" \
    "(Debian: apt install qemu-system-x86)" >&2
  exit 77
fi

patches=()
if (($# > 0)); then
  for name in "$@"; do patches+=("$root/tests/mutations/${name%.patch}.patch"); done
else
  patches=("$root"/tests/mutations/*.patch)
fi
for patch in "${patches[@]}"; do
  [[ -f $patch ]] || { echo "test_mutations.sh: $patch is not there" >&2 && exit 2; }
done

copy=$(mktemp -d)
if [[ -z ${KEEP:-} ]]; then
  trap 'rm -rf "$copy"' EXIT
else
  echo "the copy is $copy"
fi
tree=$copy/tree log=$copy/log
mkdir "$tree"

# Everything that is or could be committed; without git, everything but what was built.
copy_tree() {
  cd "$root"
  if git rev-parse --is-inside-work-tree > /dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -z
  else
    find . -path ./build -prune -o -type f -print0
  fi | tar --create --null --files-from - --ignore-failed-read 2> /dev/null |
    tar --extract --directory "$tree"
  cd "$tree"
}

header() { # header FILE KEY DEFAULT: the value of a line "# KEY: VALUE"
  local value
  value=$(sed -n "/^---/q;s/^# $2: *//p" "$1")
  printf '%s' "${value:-$3}"
}

build() { cmake --build "$tree/build" --target vcompound_kernel -j "$jobs" > "$log" 2>&1; }

boot() { # boot CPUS TEST: the status of run_kernel.sh
  scripts/run_kernel.sh --image "$tree/build/kernel/vcompound.elf" --cpus "$1" --timeout "$limit" \
    "test=$2" > "$log" 2>&1
}

give_up() { # give_up WHAT: shows why, and ends
  echo "test_mutations.sh: $1" >&2
  { grep -E -A 3 'error:|undefined reference|FAIL|failure:|PANIC' "$log" || tail -n 20 "$log"; } |
    head -n 30 >&2
  exit 2
}

copy_tree
if ! { cmake -S "$tree" -B "$tree/build" -DCMAKE_BUILD_TYPE=Release -DVCOMPOUND_BUILD_TESTS=OFF \
  -DVCOMPOUND_BUILD_TOOLS=OFF -DVCOMPOUND_BUILD_EXAMPLES=OFF > "$log" 2>&1 && build; }; then
  give_up "the tree does not build without a mutation"
fi
declare -A healthy=()
for patch in "${patches[@]}"; do
  cpus=$(header "$patch" cpus 1) test=$(header "$patch" test '')
  [[ -n $test ]] || give_up "$patch names no test"
  [[ -z ${healthy[$test/$cpus]:-} ]] || continue
  boot "$cpus" "$test" || give_up "$test fails without a mutation, on $cpus processors"
  healthy[$test/$cpus]=1
done

# judge PATCH: sets `verdict` to what came of one mutation, and `evidence` to the line that shows it.
judge() {
  local patch=$1 status=0
  evidence=''
  if ! patch -p1 --forward --fuzz 0 --quiet --dry-run < "$patch" > "$log" 2>&1; then
    verdict='ERROR: does not apply'
    return
  fi
  patch -p1 --forward --quiet < "$patch"
  if ! build; then
    verdict='ERROR: does not build'
  else
    boot "$(header "$patch" cpus 1)" "$(header "$patch" test '')" || status=$?
    case $status in
      0) verdict=SURVIVED ;;
      1) verdict='noticed (failure)' ;;
      3) verdict='noticed (panic)' ;;
      4) verdict=$([[ $(header "$patch" hangs no) == yes ]] && echo 'noticed (hangs)' ||
        echo 'ERROR: does not end') ;;
      *) verdict="ERROR: status $status" ;;
    esac
  fi
  evidence=$(grep -m 1 -oE 'error:.*|failure: .*|PANIC: .*' "$log" || true)
  patch -p1 --reverse --quiet < "$patch"
}

noticed=0 survived=0 errors=0
for patch in "${patches[@]}"; do
  judge "$patch"
  case $verdict in
    noticed*) noticed=$((noticed + 1)) ;;
    SURVIVED) survived=$((survived + 1)) ;;
    *) errors=$((errors + 1)) ;;
  esac
  printf '%-34s %-20s %s on %s\n' "$(basename "$patch" .patch)" "$verdict" \
    "$(header "$patch" test '')" "$(header "$patch" cpus 1)"
  printf '    %s\n' "$(header "$patch" what '')"
  [[ -z $evidence ]] || printf '    %.110s\n' "$evidence"
done

echo "$noticed noticed, $survived survived, $errors errors"
((errors == 0)) || exit 2
((survived == 0))
