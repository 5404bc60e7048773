#!/usr/bin/env bash
# Boots the kernel image under QEMU and tells by its exit status how it went.
#
# Usage: run_kernel.sh [OPTION…] [BOOT PARAMETER…] [-- QEMU ARGUMENT…]
#
#   --image FILE            default: build/release/kernel/vcompound.elf ($VCOMPOUND_KERNEL)
#   --cpus N                default: 1
#   --memory SIZE           as QEMU writes it; default: 256M
#   --numa N                memory and processors in N equal nodes
#   --timeout SECONDS       default: 60
#   --expect REGEX          a line of the output must match
#   --expect-failure REGEX  the same, and the boot must end as a failure (status 1)
#   --expect-panic REGEX    the same, and the boot must end in a panic (status 3)
#   --icount SHIFT          count instructions: the same run, to the instruction, each time
#   --log FILE              keep the output there as well
#   --gdb                   wait for a debugger on port 1234 (no timeout)
#
#   scripts/run_kernel.sh 'test=Zone*'
#   scripts/run_kernel.sh --cpus 4 --memory 512M always_map=yes 'test=Kernel/*'
#
# Boot parameters: kernel/parameters.h. Exit status: 0 success, 1 a test failed, 2 wrong usage,
# 3 panic, 4 timeout, 5 the machine was reset or QEMU failed, 6 the output lacks what was expected,
# 77 there is no QEMU.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

image=${VCOMPOUND_KERNEL:-$root/build/release/kernel/vcompound.elf}
cpus=1 memory=256M nodes=1 limit=60 wanted=0 regex='' log='' gdb='' icount=''
parameters=() extra=()

usage() {
  echo "run_kernel.sh: $1; see the head of scripts/run_kernel.sh" >&2
  exit 2
}

while (($# > 0)); do
  case $1 in
    --image | --cpus | --memory | --numa | --timeout | --icount | --log | --expect | --expect-*)
      (($# > 1)) || usage "$1 needs a value"
      case $1 in
        --image) image=$2 ;;
        --cpus) cpus=$2 ;;
        --memory) memory=$2 ;;
        --numa) nodes=$2 ;;
        --timeout) limit=$2 ;;
        --expect) regex=$2 ;;
        --expect-failure) regex=$2 wanted=1 ;;
        --expect-panic) regex=$2 wanted=3 ;;
        --icount) icount=$2 ;;
        --log) log=$2 ;;
        *) usage "unknown option $1" ;;
      esac
      shift 2
      ;;
    --gdb) gdb=1 && shift ;;
    --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" && exit 0 ;;
    --)
      shift
      extra=("$@")
      break
      ;;
    --*) usage "unknown option $1" ;;
    *) parameters+=("$1") && shift ;;
  esac
done

if ! command -v qemu-system-x86_64 > /dev/null; then
  echo "run_kernel.sh: skipped: qemu-system-x86_64 is not installed" \
    "(Debian: apt install qemu-system-x86)" >&2
  exit 77
fi
if [[ ! -f $image ]]; then
  echo "run_kernel.sh: $image is not there; run make first" >&2
  exit 2
fi

in_mebibytes() { # in_mebibytes SIZE: 24M, 6G or a plain number of mebibytes
  case $1 in
    *[gG]) echo $((${1%[gG]} * 1024)) ;;
    *[mM]) echo "${1%[mM]}" ;;
    *) echo "$1" ;;
  esac
}

# shellcheck disable=SC2054  # the commas are QEMU's
arguments=(-accel tcg,thread=single -display none -nodefaults -no-reboot -machine pc -cpu max
  -smp "$cpus" -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=0x04
  -kernel "$image" -append "${parameters[*]-}")
if ((nodes > 1)); then
  each=$(($(in_mebibytes "$memory") / nodes))
  arguments+=(-m "$((each * nodes))M")
  for ((node = 0; node < nodes; ++node)); do
    arguments+=(-object "memory-backend-ram,id=node$node,size=${each}M"
      -numa "node,nodeid=$node,memdev=node$node")
  done
  for ((cpu = 0; cpu < cpus; ++cpu)); do
    arguments+=(-numa "cpu,node-id=$((cpu * nodes / cpus)),socket-id=$cpu")
  done
  arguments+=(-smp "$cpus,sockets=$cpus,cores=1,threads=1")
else
  arguments+=(-m "$memory")
fi
[[ -z $icount ]] || arguments+=(-icount "shift=$icount,sleep=off")

output=$log
if [[ -z $output ]]; then
  output=$(mktemp)
  trap 'rm -f "$output"' EXIT
fi

runner=(timeout --foreground --kill-after 5 "$limit")
if [[ -n $gdb ]]; then
  arguments+=(-s -S)
  runner=()
  echo "run_kernel.sh: gdb $image -ex 'target remote :1234'" >&2
fi

status=0
"${runner[@]}" qemu-system-x86_64 "${arguments[@]}" "${extra[@]}" < /dev/null 2>&1 |
  tr -d '\r' | tee "$output" || status=${PIPESTATUS[0]}

say() { echo "run_kernel.sh: $1" >&2; }
case $status in
  33) result=0 ;;
  35) result=1 ;;
  37) result=3 ;;
  124 | 137) result=4 && say "no end within $limit s" ;;
  0) result=5 && say "the machine was reset (a triple fault?)" ;;
  *) result=5 && say "QEMU ended with status $status" ;;
esac

if ((wanted != 0)); then
  if ((result != wanted)); then
    say "this boot should have ended with status $wanted, not $result"
    exit $((result == 0 ? 6 : result))
  fi
  result=0
fi
if [[ -n $regex ]] && ! grep -qE -- "$regex" "$output"; then
  say "the output has no line that matches: $regex"
  exit 6
fi
exit "$result"
