#!/usr/bin/env bash
# Counts the instructions of the kernel image's memory operations and compares them with the golden
# file kernel/golden/instructions.txt, to the instruction.
#
# Usage: kernel_figures.sh [--write] [--image FILE] [--build TEXT] [--out FILE]
#
#   --write        write the golden file anew instead of comparing with it
#   --image FILE   default: build/release/kernel/vcompound.elf
#   --build TEXT   what built the image, as "COMPILER VERSION TYPE"; the golden file holds for
#                  one: for another the comparison is skipped
#   --out FILE     keep the figures there as well (default: build/kernel_figures.txt)
#
# The machine is QEMU with -icount shift=0, so the figures are the same in each run. Exit status:
# 0 all equal, 1 some differ (says which) or a boot failed, 2 bad usage, 77 skipped (says why).
set -euo pipefail
cd "$(dirname "$0")/.."
golden=kernel/golden/instructions.txt
expected_build="GNU 12.2.0 Release"
image=build/release/kernel/vcompound.elf
out=build/kernel_figures.txt
write=0

while (($# > 0)); do
  case $1 in
    --write) write=1 && shift ;;
    --image | --build | --out)
      (($# > 1)) || { echo "kernel_figures: $1 needs a value" >&2 && exit 2; }
      case $1 in
        --image) image=$2 ;;
        --out) out=$2 ;;
        --build)
          if [[ $2 != "$expected_build" ]]; then
            echo "kernel_figures: skipped: built by \"$2\"; the golden file holds for" \
              "\"$expected_build\" (Debian 12)"
            exit 77
          fi
          ;;
      esac
      shift 2
      ;;
    *) echo "kernel_figures: unknown option $1; see the head of this script" >&2 && exit 2 ;;
  esac
done

mkdir -p "$(dirname "$out")"
part=$(mktemp)
log=$(mktemp)
trap 'rm -f "$part" "$log"' EXIT

# RAM that begins behind the image: where it begins must not depend on the size of the image.
memory_map=memmap=16M:480M:1

boot() { # boot CPUS MEMORY PARAMETER…: adds the rows of one boot
  local cpus=$1 memory=$2 status=0
  shift 2
  scripts/run_kernel.sh --image "$image" --icount 0 --memory 512M --cpus "$cpus" "$memory_map" "$@" \
    > "$log" 2>&1 || status=$?
  if ((status == 77)); then
    cat "$log"
    exit 77
  elif ((status != 0)); then
    echo "kernel_figures: the boot failed (status $status):" >&2
    tail -n 20 "$log" >&2
    exit 1
  fi
  sed -n "s/^bench /cpus=$cpus memory=$memory /p" "$log" >> "$part"
}

boot 1 fresh 'bench=contiguous.*,mapped.*,map.*,unmap.*,shootdown'
boot 1 fragmented 'bench=fragmented.*'
boot 1 fragmented 'fragment=96.8%:32k' 'bench=preferred.*'
boot 2 fresh 'bench=mapped.pair,shootdown'
boot 4 fresh 'bench=mapped.pair,shootdown'
LC_ALL=C sort -V "$part" > "$out"

if ((write)); then
  cp "$out" "$golden"
  echo "$(wc -l < "$golden") rows written: $golden"
  exit 0
fi

# Rows are told apart by what stands before " instructions=".
awk '
  { at = index($0, " instructions="); key = substr($0, 1, at - 1); figures = substr($0, at + 1) }
  NR == FNR { old[key] = figures; next }
  !(key in old) { printf "  new row  %s\n    %s\n", key, figures; bad = 1; next }
  old[key] != figures { printf "  %s\n    golden %s\n    now    %s\n", key, old[key], figures; bad = 1 }
  { seen[key] = 1 }
  END {
    for (key in old) if (!(key in seen)) { printf "  row is gone  %s\n", key; bad = 1 }
    exit bad
  }' "$golden" "$out" && { echo "$(wc -l < "$out") rows, all as in $golden" && exit 0; }
echo "kernel_figures: these rows differ from $golden. If that is meant, write it anew and commit" \
  "it with the change:  make kernel-golden"
exit 1
