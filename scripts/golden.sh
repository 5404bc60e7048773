#!/usr/bin/env bash
# Counts the instructions of the library's fast paths in a process (bench/golden) and compares them
# with the golden file bench/golden/instructions.txt, to a tenth of an instruction.
#
# Usage: golden.sh [--check | --write] [--program FILE] [--golden FILE] [--out FILE]
#
#   --check         compare with the golden file (the default)
#   --write         write the golden file anew
#   --program FILE  default: build/release/bench/golden_paths
#   --golden FILE   default: bench/golden/instructions.txt
#   --out FILE      keep the counts there as well
#
# The processor is valgrind's, which counts every instruction, so the counts are the same in each
# run and on each machine. Each path is one function that does it COUNT times, then 2 COUNT times;
# the difference, divided by COUNT, is what one operation costs, with its share of the loop.
#
# Exit status: 0 all equal, 1 some differ (says which) or the program failed, 2 bad usage, 77 skipped
# (says why: there is no valgrind, or the golden file does not hold for this build).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
expected_build="GNU 12.2.0 Release x86_64 glibc 2.36"
program=$root/build/release/bench/golden_paths
golden=$root/bench/golden/instructions.txt
out=
write=0
count=64

while (($# > 0)); do
  case $1 in
    --check) write=0 && shift ;;
    --write) write=1 && shift ;;
    --program | --golden | --out)
      (($# > 1)) || { echo "golden: $1 needs a value" >&2 && exit 2; }
      case $1 in
        --program) program=$2 ;;
        --golden) golden=$2 ;;
        --out) out=$2 ;;
      esac
      shift 2
      ;;
    *) echo "golden: unknown option $1; see the head of this script" >&2 && exit 2 ;;
  esac
done

if ! command -v valgrind > /dev/null; then
  echo "golden: skipped: there is no valgrind (Debian package valgrind)"
  exit 77
fi
if [[ ! -x $program ]]; then
  echo "golden: there is no program $program; build the target golden_paths" >&2
  exit 2
fi
program=$(realpath "$program")
build=$("$program" --build)
if [[ $build != "$expected_build" ]]; then
  echo "golden: skipped: the program says \"$build\"; the golden file holds for" \
    "\"$expected_build\" (Debian 12)"
  exit 77
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# An empty environment: VCOMPOUND_CONF, GLIBC_TUNABLES and VALGRIND_OPTS would change the counts.
# valgrind writes one file whenever a function of a path returns: part.1, part.2, …
status=0
(cd "$scratch" && env -i PATH="$PATH" LD_BIND_NOW=1 valgrind --tool=callgrind \
  --callgrind-out-file=part --dump-after='vc::golden::(anonymous namespace)::*(unsigned long)' \
  "$program" $count > log 2>&1) || status=$?
if ((status != 0)); then
  echo "golden: $program ended with status $status under valgrind:" >&2
  tail -n 20 "$scratch/log" >&2
  exit 1
fi

# Each path returns three times: after its warm-up, after COUNT and after 2 COUNT operations.
mapfile -t parts < <(find "$scratch" -name 'part.*' | LC_ALL=C sort -V)
awk -v count=$count '
  /^desc: Trigger: --dump-after=/ {
    name = $0
    sub(/\(unsigned long\)$/, "", name)
    sub(/.*::/, "", name)
  }
  /^summary: / {
    if (++runs[name] == 1) order[++paths] = name
    before[name] = last[name]
    last[name] = $2
  }
  END {
    for (i = 1; i <= paths; ++i) {
      name = order[i]
      if (runs[name] == 3) printf "%-22s %8.1f\n", name, (last[name] - before[name]) / count
    }
  }' "${parts[@]}" > "$scratch/counts"

"$program" --list | LC_ALL=C sort > "$scratch/wanted"
awk '{ print $1 }' "$scratch/counts" | LC_ALL=C sort > "$scratch/counted"
if ! diff "$scratch/wanted" "$scratch/counted" > "$scratch/difference"; then
  echo "golden: not every path was counted three times:" >&2
  cat "$scratch/difference" >&2
  exit 1
fi

{
  echo "# Instructions per operation; a pair is one allocation and one free. Written by"
  echo "# make bench-golden, checked by make test (bench.golden)."
  echo "# build: $build"
  echo "# counted by: $(valgrind --version)"
  cat "$scratch/counts"
} > "$scratch/file"
[[ -z $out ]] || cp "$scratch/file" "$out"

if ((write)); then
  cp "$scratch/file" "$golden"
  echo "$(wc -l < "$scratch/counts") paths written: ${golden#"$root/"}"
  exit 0
fi

if [[ ! -r $golden ]]; then
  echo "golden: there is no golden file $golden; write it:  make bench-golden" >&2
  exit 1
fi
awk '
  /^#/ { next }
  FILENAME == ARGV[1] { old[$1] = $2; next }
  { seen[$1] = 1 }
  !($1 in old) { printf "  %-22s is new: %s instructions\n", $1, $2; next }
  old[$1] != $2 {
    what = $2 > old[$1] + 0 ? "longer" : "shorter"
    by = what == "longer" ? $2 - old[$1] : old[$1] - $2
    printf "  %-22s golden %s, now %s: %s by %.1f\n", $1, old[$1], $2, what, by
  }
  END { for (name in old) if (!(name in seen)) printf "  %-22s is gone\n", name }
' "$golden" "$scratch/file" > "$scratch/differences"
if [[ ! -s $scratch/differences ]]; then
  echo "$(wc -l < "$scratch/counts") paths, all as in ${golden#"$root/"}"
  exit 0
fi
cat "$scratch/differences"
echo "golden: these paths differ from ${golden#"$root/"}. If that is meant, write it anew and commit" \
  "it with the change:  make bench-golden"
exit 1
