#!/usr/bin/env bash
# Boots the kernel with its network and lets a peer outside talk to it.
#
# Usage: boot_network.sh [OPTION…] [BOOT PARAMETER…] [-- PEER OPTION…]
#
#   --image FILE      default: build/release/kernel/vcompound.elf ($VCOMPOUND_KERNEL)
#   --peer FILE       default: build/release/tests/kernel/network_peer ($VCOMPOUND_NETWORK_PEER)
#   --memory SIZE     default: 512M
#   --cpus N          default: 1
#   --rings N         descriptors per ring, default: 256
#   --mtu N           default: 16110
#   --timeout SECONDS default: 120
#   --pcap FILE       record every frame; checked with tshark if that is installed
#   --log FILE        keep the console's output there
#   --report FILE     keep the peer's report (one line of JSON) there
#   --expect REGEX    a line of the console must match
#   --quiet           print nothing but what went wrong
#
#   scripts/boot_network.sh --rings 4096 always_map=yes -- --frames 10000 --drop 0.05
#
# Exit status: 0 if the peer found nothing wrong, the kernel ended well, and all its memory came
# back; 1 if not; 2 wrong usage; 77 there is no QEMU, or no tshark to judge the recording.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

image=${VCOMPOUND_KERNEL:-$root/build/release/kernel/vcompound.elf}
peer=${VCOMPOUND_NETWORK_PEER:-$root/build/release/tests/kernel/network_peer}
memory=512M cpus=1 rings=256 mtu=16110 limit=120 pcap='' log='' report='' quiet='' regex=''
parameters=() peer_options=()

say() { echo "boot_network.sh: $1" >&2; }
usage() {
  say "$1; see the head of scripts/boot_network.sh"
  exit 2
}

while (($# > 0)); do
  case $1 in
    --quiet) quiet=1 && shift ;;
    --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" && exit 0 ;;
    --)
      shift
      peer_options=("$@")
      break
      ;;
    --*)
      (($# > 1)) || usage "$1 needs a value"
      case $1 in
        --image) image=$2 ;;
        --peer) peer=$2 ;;
        --memory) memory=$2 ;;
        --cpus) cpus=$2 ;;
        --rings) rings=$2 ;;
        --mtu) mtu=$2 ;;
        --timeout) limit=$2 ;;
        --pcap) pcap=$2 ;;
        --log) log=$2 ;;
        --report) report=$2 ;;
        --expect) regex=$2 ;;
        *) usage "unknown option $1" ;;
      esac
      shift 2
      ;;
    *) parameters+=("$1") && shift ;;
  esac
done
if ! command -v qemu-system-x86_64 > /dev/null; then
  say "skipped: qemu-system-x86_64 is not installed (Debian: apt install qemu-system-x86)"
  exit 77
fi
for file in "$image" "$peer"; do
  [[ -f $file ]] || usage "$file is not there; run make first"
done

scratch=$(mktemp -d)
guest='' talker=''
finish() {
  local pid
  for pid in $guest $talker; do kill -- "-$pid" 2> /dev/null || true; done
  rm -rf "$scratch"
}
trap finish EXIT
log=${log:-$scratch/console} report=${report:-$scratch/report}

# shellcheck disable=SC2054  # the commas are QEMU's
card=(-device e1000,netdev=n0,romfile= -netdev
  "dgram,id=n0,local.type=unix,local.path=$scratch/guest,remote.type=unix,remote.path=$scratch/peer")
[[ -z $pcap ]] || card+=(-object "filter-dump,id=dump,netdev=n0,file=$pcap")

set -m # each job is a process group of its own, so that it can be ended as a whole
"$root/scripts/run_kernel.sh" --image "$image" --memory "$memory" --cpus "$cpus" --timeout "$limit" \
  --log "$log" run=network "rings=$rings" "mtu=$mtu" "${parameters[@]}" -- "${card[@]}" \
  > /dev/null 2> "$scratch/run_kernel" &
guest=$!
"$peer" "$scratch/peer" "$scratch/guest" --mtu "$mtu" "${peer_options[@]}" > "$report" &
talker=$!
set +m

# Whoever ends first: a kernel that is gone will not answer any more, and a peer that gave up will
# not end the kernel.
talked=0 ended=0
wait -n -p first "$guest" "$talker" || true
if [[ $first == "$guest" ]]; then
  wait "$guest" || ended=$?
  guest=''
  timeout 2 tail --pid="$talker" -f /dev/null || true # it may be about to end
  kill -- "-$talker" 2> /dev/null || true
  wait "$talker" 2> /dev/null || talked=$?
else
  wait "$talker" || talked=$?
  ((talked == 0)) || kill -- "-$guest" 2> /dev/null || true
  wait "$guest" 2> /dev/null || ended=$?
  guest=''
fi
talker=''

failed=0
wrong() {
  say "$1"
  failed=1
}
((talked == 0)) || wrong "the peer is not content (status $talked): $(cat "$report")"
((ended == 0)) || wrong "the kernel ended with status $ended: $(cat "$scratch/run_kernel")"
grep -q '^network: memory is as before' "$log" || wrong "the kernel's memory did not come back"
[[ -z $regex ]] || grep -qE -- "$regex" "$log" || wrong "the console has no line that matches: $regex"
if ((failed)); then
  tail -n 40 "$log" >&2
  exit 1
fi
[[ -n $quiet ]] || { cat "$log" "$report"; }
[[ -z $pcap ]] || "$root/scripts/check_pcap.sh" "$pcap" "$report" "$log"
