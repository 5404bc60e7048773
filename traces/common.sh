# Sourced by the record_*.sh scripts: finds the program, installs what is recorded, makes a scratch
# folder, and records with the settings that all bundled traces have in common.
set -euo pipefail

traces=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vcompound=${VCOMPOUND:-$traces/../build/release/bin/vcompound}
if [[ ! -x $vcompound ]]; then
  echo "$0: $vcompound is not there; run make, or set VCOMPOUND to the program" >&2
  exit 2
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# need PROGRAM PACKAGE: installs the Debian package unless the program is there.
need() {
  [[ -x $(command -v "$1") ]] && return
  local as_root=()
  [[ $(id -u) == 0 ]] || as_root=(sudo)
  echo "installing the Debian package $2 for $1"
  "${as_root[@]}" apt-get install -y --no-install-recommends "$2" >"$scratch/apt.log" 2>&1 || {
    cat "$scratch/apt.log" >&2
    exit 3
  }
}

# record NAME PROGRAM…: writes NAME.csv.zst beside the scripts, or where TRACE_DIR says.
record() {
  local trace=${TRACE_DIR:-$traces}/$1.csv.zst
  shift
  "$vcompound" record --min-size 16KiB --level 19 -o "$trace" -- "$@"
}
