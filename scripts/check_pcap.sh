#!/usr/bin/env bash
# Judges a recording of the kernel's network with tshark, which knows nothing of us: every frame that
# the kernel sent is well-formed, all its checksums are right, and there are as many as the kernel says
# it sent, and as many echoes as the peer says it got.
#
# Usage: check_pcap.sh FILE.pcap REPORT.json CONSOLE
#
# Exit status: 0 all right, 1 not, 77 tshark is not installed.
set -euo pipefail
pcap=$1 report=$2 console=$3
kernel=52:54:00:12:34:56

if ! command -v tshark > /dev/null; then
  echo "check_pcap.sh: skipped: tshark is not installed (Debian: apt install tshark)" >&2
  exit 77
fi

number() { # number NAME: a figure of the report
  sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$report"
}

sent=$(sed -n 's/^network: sent \([0-9]*\) frames.*/\1/p' "$console")

# Checksum status 1 is "good"; an empty field means that there is no such checksum.
tshark -r "$pcap" -Y "eth.src == $kernel" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
  -o ip.defragment:FALSE -T fields -E separator=, -e _ws.malformed -e ip.checksum.status \
  -e udp.checksum.status -e icmp.checksum.status -e udp.srcport -e icmp.type -e arp.opcode \
  2> /dev/null |
  awk -F, -v sent="$sent" -v echoes="$(number udp_echoes)" '
    { frames++ }
    $1 != "" { malformed++ }
    $2 != "" && $2 != 1 || $3 != "" && $3 != 1 || $4 != "" && $4 != 1 { wrong++ }
    $5 == 7 { udp++ }
    $5 == 9 { quits++ }
    $6 == "0" { pings++ }
    $7 != "" { arps++ }
    END {
      printf "pcap: the kernel sent %d frames: %d UDP echoes, %d pings, %d ARP messages;" \
        " %d malformed, %d wrong checksums\n", frames, udp, pings, arps, malformed, wrong
      ok = frames > 0 && malformed == 0 && wrong == 0 && frames == sent && udp == echoes &&
           frames == udp + quits + pings + arps
      if (!ok) print "pcap: WRONG: the kernel says " sent ", the peer got " echoes " echoes"
      exit !ok
    }'
