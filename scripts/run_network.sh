#!/usr/bin/env bash
# The kernel's network on fragmented memory, booted twice. When large rings and jumbo buffers must be
# contiguous, bringing up the interface fails as it does in the field; when they may be mapped, it
# comes up, and a peer outside has every datagram echoed. Ends with a table of both boots.
#
# Usage: run_network.sh [OPTION…]
#
#   --image FILE       default: build/release/kernel/vcompound.elf ($VCOMPOUND_KERNEL)
#   --peer FILE        default: build/release/tests/kernel/network_peer ($VCOMPOUND_NETWORK_PEER)
#   --frames N         datagrams to be echoed, default: 10000
#   --memory SIZE      default: 512M
#   --rings N          descriptors per ring, default: 4096
#   --mtu N            default: 16110
#   --fragment P:SIZE  free that share of blocks of that size, default: 96.8%:32k
#   --pcap FILE        record the second boot; checked with tshark if that is installed
#
# Exit status: 0 if both boots went as they should, 1 if not, 2 wrong usage, 77 there is no QEMU.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

image=${VCOMPOUND_KERNEL:-$root/build/release/kernel/vcompound.elf}
peer=${VCOMPOUND_NETWORK_PEER:-$root/build/release/tests/kernel/network_peer}
frames=10000 memory=512M rings=4096 mtu=16110 fragment=96.8%:32k pcap=()

while (($# > 0)); do
  if [[ $1 == --help || $1 == -h ]]; then
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
    exit 0
  fi
  if (($# < 2)); then
    echo "run_network.sh: $1 needs a value; see the head of scripts/run_network.sh" >&2
    exit 2
  fi
  case $1 in
    --image) image=$2 ;;
    --peer) peer=$2 ;;
    --frames) frames=$2 ;;
    --memory) memory=$2 ;;
    --rings) rings=$2 ;;
    --mtu) mtu=$2 ;;
    --fragment) fragment=$2 ;;
    --pcap) pcap=(--pcap "$2") ;;
    *)
      echo "run_network.sh: unknown option $1; see the head of scripts/run_network.sh" >&2
      exit 2
      ;;
  esac
  shift 2
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
wrong() {
  echo "run_network.sh: $1" >&2
  failed=1
}

echo "=== first boot: policy=contiguous_only, fragment=$fragment, $rings descriptors, mtu $mtu"
status=0
"$root/scripts/run_kernel.sh" --image "$image" --memory "$memory" --log "$scratch/first" \
  --expect-failure '^main: page allocation failure: order:[0-9]+' \
  run=network policy=contiguous_only "fragment=$fragment" "rings=$rings" "mtu=$mtu" \
  -- -netdev "dgram,id=n0,local.type=unix,local.path=$scratch/a,remote.type=unix,remote.path=$scratch/b" \
  -device e1000,netdev=n0,romfile= || status=$?
((status != 77)) || exit 77
((status == 0)) || wrong "the first boot should have failed for want of contiguous memory"
grep -q '^network: cannot be brought up: .*fragmentation' "$scratch/first" ||
  wrong "the first boot does not say what its network lacks"

echo
echo "=== second boot: policy=preferred, memory fragmented alike, $frames datagrams from outside"
"$root/scripts/boot_network.sh" --image "$image" --peer "$peer" --memory "$memory" \
  --rings "$rings" --mtu "$mtu" --log "$scratch/second" --report "$scratch/report" "${pcap[@]}" \
  policy=preferred "fragment=$fragment" -- --frames "$frames" || status=$?
# Without tshark everything but its check has been done.
((status == 0 || status == 77)) || wrong "the second boot should have echoed every datagram"
grep -q ' vcompound' "$scratch/second" || wrong "nothing is mapped in the second boot"

figure() { # figure NAME: a number of the peer's report
  sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$scratch/report" 2> /dev/null
}
in_log() { # in_log FILE SED-EXPRESSION: the first match, or a dash
  local found
  found=$(sed -nE "$2" "$scratch/$1" 2> /dev/null | head -n 1)
  echo "${found:--}"
}
row() { printf '%-24s %-44s %s\n' "$1" "$2" "$3"; }
both() { # both TITLE SED-EXPRESSION
  row "$1" "$(in_log first "$2")" "$(in_log second "$2")"
}
areas() { grep -c ' vcompound' "$scratch/$1" 2> /dev/null || true; }

echo
row '' policy=contiguous_only policy=preferred
both 'free memory' 's/^fragment: .* free (.*), longest run.*/\1/p'
both 'longest run' 's/^fragment: .* longest run (.*)/\1/p'
both 'allocation failure' 's/^main: page allocation failure: (order:[0-9]+).*/\1/p'
row interface "$(in_log first 's/^network: cannot be brought up: (.*)/down: \1/p')" \
  "$(in_log second 's/^network: (up [0-9.]+) .*/\1/p')"
both 'receive buffers' 's/^network: up .* per ring, (.*) of receive buffers (\([a-z]*\)).*/\1 \2/p'
row 'datagrams echoed' - "$(figure echoed) of $frames"
row 'areas vcompound' "$(areas first)" "$(areas second)"
both 'memory afterwards' 's/^network: memory is (as before).*/\1/p'
echo
if ((failed)); then
  echo "run_network.sh: not as it should be"
  exit 1
fi
echo "run_network.sh: both boots went as they should"
