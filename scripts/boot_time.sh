#!/usr/bin/env bash
# Prints how long the kernel image takes under QEMU's TCG from the start of QEMU to its first line, and
# to its last processor. The goal for the first line is 0.3 s; nothing is judged here, because the
# figure is the machine's load as much as the kernel's.
#
# Usage: boot_time.sh [--image FILE] [--cpus N] [--boots N]
#
#   --image FILE   default: build/release/kernel/vcompound.elf ($VCOMPOUND_KERNEL)
#   --cpus N       default: 4
#   --boots N      the median of that many, default: 5
#
# Exit status: 0, 1 a boot did not get that far, 2 wrong usage, 77 there is no QEMU.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
image=${VCOMPOUND_KERNEL:-$root/build/release/kernel/vcompound.elf}
cpus=4 boots=5

while (($# > 0)); do
  case $1 in
    --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" && exit 0 ;;
    --image) image=${2-} ;;
    --cpus) cpus=${2-} ;;
    --boots) boots=${2-} ;;
    *)
      echo "boot_time.sh: unknown option $1; see the head of scripts/boot_time.sh" >&2
      exit 2
      ;;
  esac
  shift 2
done

now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds

first=() last=()
for ((boot = 0; boot < boots; ++boot)); do
  start=$(now) here='' there=''
  while IFS= read -r line; do
    [[ -n $here ]] || here=$(($(now) - start))
    [[ $line != *' CPUs online after '* ]] || there=$(($(now) - start))
    [[ $line != *'boot_time: skipped'* ]] || exit 77
  done < <("$root/scripts/run_kernel.sh" --image "$image" --cpus "$cpus" 2>&1 ||
    (($? != 77)) || echo 'boot_time: skipped')
  if [[ -z $there ]]; then
    echo "boot_time.sh: a boot did not get to its last processor" >&2
    exit 1
  fi
  first+=("$here") last+=("$there")
done

median() { printf '%s\n' "$@" | sort -n | sed -n "$((boots / 2 + 1))p"; }
printf 'median of %d boots with %d CPUs: first line after %d ms, all CPUs online after %d ms\n' \
  "$boots" "$cpus" "$(($(median "${first[@]}") / 1000))" "$(($(median "${last[@]}") / 1000))"
