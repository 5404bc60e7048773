#!/usr/bin/env bash
# Measures vcompound and its peers, then writes the report.
#
# Usage: compare.sh [--quick] [--rows LIST] [--peers LIST] [--repetitions N] [--seed N]
#                   [--out DIR] [--programs DIR] [--write]
#
#   --quick          once, few and small cases: a test of the machinery, no figure counts
#   --rows, --peers  only these, with commas between them
#   --repetitions    of every row (default: what each row asks for)
#   --seed           of the order (default: drawn; it is recorded)
#   --out            default build/compare
#   --programs       where compare_worker and compare_report are (default build/bench/compare)
#   --write          write the tables of docs/performance.md, unless only a part was measured
#
# One process for each repetition of each row with each peer, one after the other, not pinned to a
# processor. Within a repetition they run in an order drawn at random. Whatever a process does, the
# comparison goes on; one that fails or takes more than 120 s is told of as such.
#
# As root it makes what single peers need, around their processes only, and puts it back: pages for
# libhugetlbfs (vm.nr_hugepages), and shmem_enabled=advise for vcompound in the row huge_pages.
# Exit status: 0 written, 2 bad usage or broken results, 3 a program is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
command_line="scripts/compare.sh $*"

quick=0 only_rows='' only_peers='' repetitions='' seed=$RANDOM out=build/compare
programs=build/bench/compare write=0
huge_pages=1280
limit=120

usage() {
  sed -n '2,/^[^#]/ { s/^# \{0,1\}//p }' "$0" >&2
  exit 2
}

while (($# > 0)); do
  option=$1
  case $option in
    --quick) quick=1 && shift && continue ;;
    --write) write=1 && shift && continue ;;
  esac
  (($# >= 2)) || usage
  case $option in
    --rows) only_rows=$2 ;;
    --peers) only_peers=$2 ;;
    --repetitions) repetitions=$2 ;;
    --seed) seed=$2 ;;
    --out) out=$2 ;;
    --programs) programs=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[[ ${repetitions:-1} =~ ^[1-9][0-9]*$ && $seed =~ ^[0-9]+$ ]] || usage
((quick)) && repetitions=1

worker=$programs/compare_worker
report=$programs/compare_report
for program in "$worker" "$report"; do
  [[ -x $program ]] && continue
  echo "compare: $program was not built; make compare builds it" >&2
  exit 3
done
mkdir -p "$out"
results=$out/results.jsonl
log=$out/compare.log
: > "$log"

# --- What is measured -----------------------------------------------------------------------------

# is_wanted NAME LIST: an empty list means everything.
is_wanted() { [[ -z $2 || ",$2," == *",$1,"* ]]; }

jobs=() # "row peer repetitions"
known=' '
while read -r row peer times; do
  known+="$row $peer "
  if is_wanted "$row" "$only_rows" && is_wanted "$peer" "$only_peers"; then
    jobs+=("$row $peer ${repetitions:-$times}")
  fi
done < <("$worker" --list)
IFS=, read -ra named <<< "$only_rows,$only_peers"
for name in "${named[@]}"; do
  [[ -z $name || $known == *" $name "* ]] && continue
  echo "compare: no row or peer '$name'; $worker --list shows them" >&2
  exit 2
done
((${#jobs[@]} > 0)) || { echo "compare: no row has one of these peers" >&2 && exit 2; }

# The schedule: repetition after repetition, each in an order of its own.
schedule() {
  printf '%s\n' "${jobs[@]}" | awk -v seed="$seed" '
    { job[NR] = $1 " " $2; times[NR] = $3; if ($3 > most) most = $3 }
    END {
      srand(seed)
      for (repetition = 1; repetition <= most; repetition++) {
        n = 0
        for (i = 1; i <= NR; i++) if (times[i] >= repetition) order[++n] = job[i]
        for (i = n; i > 1; i--) {
          other = 1 + int(rand() * i)
          swap = order[i]; order[i] = order[other]; order[other] = swap
        }
        for (i = 1; i <= n; i++) print repetition, order[i]
      }
    }'
}

# --- Settings of the system -----------------------------------------------------------------------

hugetlb=/proc/sys/vm/nr_hugepages
shmem=/sys/kernel/mm/transparent_hugepage/shmem_enabled
old_hugetlb='' old_shmem=''

put_back() {
  [[ -z $old_hugetlb ]] || echo "$old_hugetlb" > "$hugetlb" || true
  [[ -z $old_shmem ]] || echo "$old_shmem" > "$shmem" || true
  old_hugetlb='' old_shmem=''
}
trap put_back EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

settings='none changed'
describe_settings() {
  ((EUID == 0)) || { settings='none changed: not run as root'; return; }
  settings=''
  [[ ${jobs[*]} == *libhugetlbfs* && -w $hugetlb ]] &&
    settings="vm.nr_hugepages=$huge_pages around each process of libhugetlbfs"
  [[ ${jobs[*]} == *huge_pages\ vcompound* && -w $shmem && $(< "$shmem") == *'[never]'* ]] &&
    settings+="${settings:+; }shmem_enabled=advise around vcompound in huge_pages"
  settings+="${settings:+; put back after each}"
  : "${settings:=none changed}"
}

# prepare ROW PEER: what this process needs, if we may.
prepare() {
  ((EUID == 0)) || return 0
  if [[ $2 == libhugetlbfs* && -w $hugetlb ]]; then
    old_hugetlb=$(< "$hugetlb")
    ((old_hugetlb >= huge_pages)) || echo "$huge_pages" > "$hugetlb" || true
  fi
  if [[ $1 == huge_pages && $2 == vcompound* && -w $shmem && $(< "$shmem") == *'[never]'* ]]; then
    old_shmem=never
    echo advise > "$shmem" || true
  fi
}

# --- One process ----------------------------------------------------------------------------------

why_failed() { # why_failed STATUS ERRORS
  case $1 in
    124) echo "took longer than $limit s" ;;
    129 | 1[3-9]? | 2??) echo "ended by signal $(($1 - 128))" ;;
    *) echo "ended with status $1: $(tail -n 1 "$2" | tr -cd 'A-Za-z0-9 .,:;()_/-' | cut -c 1-200)" ;;
  esac
}

run_job() { # run_job REPETITION ROW PEER
  local status=0 arguments=(--row "$2" --peer "$3" --seed "$1")
  ((quick)) && arguments+=(--quick)
  prepare "$2" "$3"
  { timeout --foreground --kill-after=5 "$limit" "$worker" "${arguments[@]}" \
    > "$out/job.out" 2> "$out/job.err"; } 2>> "$log" || status=$?
  put_back
  # A process that was stopped may leave half a line; what libraries print is not ours.
  sed -n "s/^{\(.*}\)\$/{\"repetition\":$1,\1/p" "$out/job.out" >> "$results"
  { sed "s/^/$2 $3: /" "$out/job.err"; grep -v '^{' "$out/job.out" || true; } >> "$log"
  ((status == 0)) && return 0
  local reason
  reason=$(why_failed "$status" "$out/job.err")
  echo "compare: $2 with $3: $reason" >&2
  printf '{"repetition":%s,"row":"%s","peer":"%s","cannot":"%s"}\n' "$1" "$2" "$3" "$reason" \
    >> "$results"
}

progress() { # progress DONE ALL ROW PEER
  local left='' line
  (($1 > 0)) && left=", about $(((SECONDS * ($2 - $1) / $1 + 30) / 60)) min left"
  line="[$1/$2] $3 $4$left"
  if [[ -t 2 ]]; then
    printf '\r\e[K%s' "$line" >&2
  elif (($1 % 50 == 0)); then
    echo "$line" >&2
  fi
}

# --- Memory ---------------------------------------------------------------------------------------

# Touches 60 % of the free memory once, and gives it back. A virtual machine's host puts memory
# behind a page when it is touched first, which takes longer than anything that is measured here.
warm_memory() {
  local free
  free=$(awk '/^MemFree:/ { print int($2 * 0.6) }' /proc/meminfo)
  ((quick)) || "$worker" --touch "$free" || true
}

# --- Facts ----------------------------------------------------------------------------------------

version() { dpkg-query -W -f='${Version}' "$1" 2> /dev/null || echo 'not installed'; }
commit() {
  local name
  name=$(git rev-parse --short=12 HEAD 2> /dev/null) || { echo unknown && return; }
  [[ -z $(git status --porcelain 2> /dev/null) ]] || name+=', changed'
  echo "$name"
}

facts() {
  local package arguments=()
  for package in libc6 libmimalloc2.0 libjemalloc2 libtcmalloc-minimal4 libhugetlbfs0 \
    librte-eal23 libboost-dev; do
    arguments+=(--fact "package $package=$(version "$package")")
  done
  if ((quick)); then
    arguments+=(--fact "partial=a quick run, no figure counts")
  elif [[ -n $only_rows$only_peers ]]; then
    arguments+=(--fact "partial=only a part of the rows and peers was measured")
  fi
  "$report" --facts \
    --fact "date=$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
    --fact "command=$command_line" \
    --fact "commit=$(commit)" \
    --fact "compiler=$(g++ --version | head -n 1)" \
    --fact "load_average_before=$(cut -d ' ' -f 1-3 /proc/loadavg)" \
    --fact "seed_of_the_order=$seed" \
    --fact "processors=not pinned, but for the threads of row threads" \
    --fact "settings=$settings" \
    "${arguments[@]}"
}

# --- The comparison -------------------------------------------------------------------------------

describe_settings
rm -f "$out"/*.svg
facts > "$results"
warm_memory
mapfile -t plan < <(schedule)
SECONDS=0
for i in "${!plan[@]}"; do
  read -r repetition row peer <<< "${plan[i]}"
  progress "$i" "${#plan[@]}" "$row" "$peer"
  run_job "$repetition" "$row" "$peer"
done
[[ -t 2 ]] && printf '\r\e[K' >&2
printf '{"fact":"%s","text":"%s"}\n' load_average_after "$(cut -d ' ' -f 1-3 /proc/loadavg)" \
  measured_for "$SECONDS s, ${#plan[@]} processes" >> "$results"
rm -f "$out/job.out" "$out/job.err"
"$worker" --describe > "$out/description.json"
arguments=(--results "$results" --describe "$out/description.json" --out "$out")
((write)) && arguments+=(--write docs/performance.md)
"$report" "${arguments[@]}"
