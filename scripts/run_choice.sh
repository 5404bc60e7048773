#!/usr/bin/env bash
# Prints the tables of docs/decisions/0015-choice-of-runs.md: each choice of runs for mapped memory
# under the loads of bench/compare/simulation, by the row run_choice of compare_worker. The same
# seeds give the same tables on every machine; each figure is the median over the seeds.
#
# Usage: run_choice.sh [SEEDS] [WORKER]     seeds 1 to SEEDS (5); WORKER: the compare_worker
#                                           (build/bench/compare/compare_worker)
#
# Exit status: 0 printed, 2 bad usage.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-5}
worker=${2:-build/bench/compare/compare_worker}
[[ $seeds =~ ^[1-9][0-9]*$ && $# -le 2 ]] || { echo "run_choice: see its head" >&2 && exit 2; }
[[ -x $worker ]] || { echo "run_choice: no $worker; see docs/decisions/0015-choice-of-runs.md" >&2 && exit 2; }
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT

choices="longest_first smallest_sufficient smallest_first"
for choice in $choices; do
  for ((seed = 1; seed <= seeds; seed++)); do
    "$worker" --row run_choice --peer "$choice" --seed "$seed"
  done
done >"$figures"

# A line of JSON, as compare_worker writes it, as four columns.
sed -nE 's/.*"case":"([^"]*)".*"peer":"([^"]*)","metric":"([^"]*)".*"value":([^}]*)}$/\1\t\2\t\3\t\4/p' \
  "$figures" |
  awk -F '\t' -v choices="$choices" '
    function add(key, value) { all[key] = all[key] " " value }
    function median(key,   list, n, i, j, t) {
      n = split(all[key], list, " ")
      for (i = 2; i <= n; i++) {
        t = list[i] + 0
        for (j = i - 1; j > 0 && list[j] + 0 > t; j--) list[j + 1] = list[j]
        list[j + 1] = t
      }
      return n == 0 ? "" : (list[int((n + 1) / 2)] + list[int(n / 2) + 1]) / 2
    }
    function short(v) {
      if (v == "") return "-"
      return v < 10 ? sprintf("%.1f", v) : sprintf("%.0f", v)
    }
    function cell(name, metric,   i, text) {
      for (i = 1; i <= 3; i++) text = text (i > 1 ? " / " : "") short(median(name SUBSEP peer[i] SUBSEP metric))
      return text
    }
    function table(title, columns, names, over_time,   n, heads, i, c, line) {
      n = split(columns, heads, " ")
      line = "| " title " |"
      for (c = 1; c <= n; c++) line = line " " heads[c] " |"
      print line
      line = "| --- |"
      for (c = 1; c <= n; c++) line = line " ---: |"
      print line
      for (i = 1; i <= cases; i++) {
        if ((order[i] ~ /, t=/) != over_time) continue
        if (over_time && order[i] !~ names) continue
        line = "| " order[i] " |"
        for (c = 1; c <= n; c++) line = line " " cell(order[i], heads[c]) " |"
        print line
      }
      print ""
    }
    {
      if (!($1 in seen)) { seen[$1] = 1; order[++cases] = $1 }
      add($1 SUBSEP $2 SUBSEP $3, $4)
    }
    END {
      split(choices, peer, " ")
      table("second half of each run", "contiguous required available_64k available_1m available_2m", "", 0)
      table("what it costs", "contiguous_to_64k runs most_runs maps mappings huge", "", 0)
      table("over time", "contiguous required available_64k available_1m maps", \
        "^(churn 90 %|server 90 %|long-lived vmalloc 90 %), t=(0|1|3|7|11)$", 1)
    }'
