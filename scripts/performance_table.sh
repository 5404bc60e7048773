#!/usr/bin/env bash
# Writes the tables of docs/kernel-performance.md, between its marker comments, from the recorded figures:
# kernel/golden/instructions.txt (ours) and kernel/golden/linux.txt (Linux's).
#
# Usage: performance_table.sh [--check]     --check: only tell whether the tables are up to date
#
# Exit status: 0 written or up to date, 1 out of date or a figure is missing, 2 bad usage.
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/kernel-performance.md
ours=kernel/golden/instructions.txt
linux=kernel/golden/linux.txt
[[ $# == 0 || ($# == 1 && $1 == --check) ]] || { echo "performance_table: see its head" >&2 && exit 2; }
new=$(mktemp)
trap 'rm -f "$new"' EXIT

tables() {
  awk '
    FILENAME ~ /linux.txt$/ {
      for (i = 5; i <= NF; i++) { split($i, part, "="); theirs[$1, $2, $3, $4, part[1]] = part[2] }
      next
    }
    {
      for (i = 1; i <= 2; i++) { split($i, part, "="); where[part[1]] = part[2] }
      split($4, part, "=")
      pages = part[2]
      for (i = 5; i <= NF; i++) {
        split($i, part, "=")
        own[where["cpus"], where["memory"], $3, pages, part[1]] = part[2]
      }
    }
    function grouped(n,   text, sign) {
      text = sprintf("%d", n + 0.5)
      while (match(text, /[0-9][0-9][0-9][0-9]($|,)/)) {
        text = substr(text, 1, RSTART) "," substr(text, RSTART + 1)
      }
      return text
    }
    function linux_figure(run, memory, operation, pages, column,   key) {
      if (column == "pair") return linux_figure(run, memory, operation, pages, "min_begin") + \
                                   linux_figure(run, memory, operation, pages, "min_end")
      if (column == "batch") return linux_figure(run, memory, operation, pages, "batch_begin") + \
                                    linux_figure(run, memory, operation, pages, "batch_end")
      if (column == "total") return linux_figure(run, memory, operation, pages, "total10") / 10
      if (!((run, memory, operation, pages, column) in theirs)) {
        print "performance_table: linux.txt lacks " run " " memory " " operation " " pages " " \
          column > "/dev/stderr"
        failed = 1
      }
      return theirs[run, memory, operation, pages, column]
    }
    function own_figure(cpus, memory, name, pages) {
      if (!((cpus, memory, name, pages, "instructions") in own)) {
        print "performance_table: instructions.txt lacks " cpus " " memory " " name " " pages \
          > "/dev/stderr"
        failed = 1
      }
      return own[cpus, memory, name, pages, "instructions"]
    }
    function own_pair(cpus, memory, name, pages) {
      return own_figure(cpus, memory, name ".allocate", pages) + \
             own_figure(cpus, memory, name ".free", pages)
    }
    function row(title, pages, mine, name, their,   ratio) {
      ratio = mine / their
      goals++
      if (ratio <= 0.5) met++
      printf "| %s | %d | %s | %s | %s | %.2f | %s |\n", title, pages, grouped(mine), name,
        grouped(their), ratio, (ratio <= 0.5 ? "met" : "**missed**")
    }
    function head(text) {
      printf "\n### %s\n\n", text
      print "| ours | pages | instructions | Linux | instructions | ratio | goal ≤ 0.5 |"
      print "|---|---:|---:|---|---:|---:|---|"
    }
    function pairs(first, title, memory, name, operation, column, their_memory,   i) {
      for (i = first; i <= 6; i++)
        row(title, size[i], own_pair(1, memory, name, size[i]), "`" operation "`",
          linux_figure("one_cpu", their_memory, operation, size[i], column))
    }
    function singles(first, title, cpus, memory, name, operation, column, run, their_memory, i) {
      for (i = first; i <= 6; i++)
        row(title, size[i], own_figure(cpus, memory, name, size[i]), operation[1],
          linux_figure(run, their_memory, operation[2], size[i], column))
    }
    function contiguous(title, name, column,   i) {
      for (i = 1; i <= 5; i++)
        row(title, size[i], own_pair(1, "fresh", name, size[i]), "`alloc_pages`",
          linux_figure("one_cpu", "fresh", "alloc_pages", size[i], column))
      printf "| %s | 4096 | %s | `alloc_pages` | refused: above its largest block | – | – |\n", title,
        grouped(own_pair(1, "fresh", name, 4096))
    }
    function events(   i, p, n) {
      print "\n### What happens per pair, on two CPUs\n"
      print "| pages | | entries written | table pages | invalidations¹ | interrupts |"
      print "|---:|---|---:|---:|---:|---:|"
      for (i = 2; i <= 6; i++) {
        p = size[i]
        printf "| %d | ours | %s | %s | %s | %s |\n", p, own[2, "fresh", "mapped.pair", p, "entries"],
          own[2, "fresh", "mapped.pair", p, "tables"],
          own[2, "fresh", "mapped.pair", p, "invalidations"],
          own[2, "fresh", "mapped.pair", p, "interrupts"]
        n = linux_figure("two_cpus", "fresh", "vmalloc.events", p, "pairs")
        printf "| | `vmalloc` | %d | %.1f | %.1f | %.1f |\n", 2 * p,
          linux_figure("two_cpus", "fresh", "vmalloc.events", p, "tables") / n,
          (linux_figure("two_cpus", "fresh", "vmalloc.events", p, "whole") + \
           linux_figure("two_cpus", "fresh", "vmalloc.events", p, "single_pages")) / 2 / n,
          linux_figure("two_cpus", "fresh", "vmalloc.events", p, "interrupts") / n
      }
      print "\n¹ On the CPU that asked for them; a reload of everything counts as one. Linux writes" \
        " each entry once to\nmap and once to unmap; that figure is known, not measured. The others" \
        " were counted by probes."
    }
    function shipped(   i, p) {
      print "\n### Linux as Debian ships it\n"
      print "Pages are cleared when they are allocated, and the workarounds for leaking processors are" \
        " on. For information."
      print "\n| pages | `alloc_pages` | `vmalloc` | `kvmalloc` |\n|---:|---:|---:|---:|"
      for (i = 1; i <= 6; i++) {
        p = size[i]
        printf "| %d | %s | %s | %s |\n", p,
          (i == 6 ? "–" : grouped(linux_figure("as_shipped", "fresh", "alloc_pages", p, "pair"))),
          grouped(linux_figure("as_shipped", "fresh", "vmalloc", p, "pair")),
          grouped(linux_figure("as_shipped", "fresh", "kvmalloc", p, "pair"))
      }
    }
    END {
      split("1 2 8 64 512 4096", size, " ")
      head("Contiguous: one pair after the other, served by the cache of the CPU")
      contiguous("allocate, free", "contiguous.cached", "pair")
      head("Contiguous: many in a row, from the zone, and back")
      contiguous("in a row", "contiguous.row", "batch")
      head("Contiguous if possible: one pair after the other")
      pairs(1, "`preferred`", "fresh", "contiguous.cached", "kvmalloc", "pair", "fresh")
      head("Contiguous if possible: many in a row, fresh memory")
      pairs(1, "`preferred`, in a row", "fresh", "contiguous.row", "kvmalloc", "batch", "fresh")
      head("Contiguous if possible: many in a row, fragmented memory")
      pairs(1, "`preferred`, in a row", "fragmented", "preferred.row", "kvmalloc", "batch",
        "fragmented")
      head("Mapped: found, mapped, unmapped, shot down, given back")
      call[1] = "`vmalloc`"; call[2] = "vmalloc"
      singles(2, "mapped, fresh memory", 1, "fresh", "mapped.pair", call, "total", "one_cpu",
        "fresh")
      singles(2, "mapped, fragmented memory", 1, "fragmented", "fragmented.mapped.pair", call,
        "total", "one_cpu", "fragmented")
      head("Mapped, from the cache of the CPU")
      pairs(2, "mapped, cached", "fresh", "mapped.cached", "vmalloc", "pair", "fresh")
      head("Map: the frames are there, the tables too")
      call[1] = "`vmap`"; call[2] = "vmap"
      singles(1, "map, single frames", 1, "fresh", "map.frames", call, "min_begin", "one_cpu", "fresh")
      singles(3, "map, runs of 32 KiB", 1, "fresh", "map.blocks", call, "min_begin", "one_cpu", "fresh")
      singles(3, "map, one run", 1, "fresh", "map.run", call, "min_begin", "one_cpu", "fresh")
      head("Unmap, without the shootdown")
      call[1] = "`vunmap`"
      singles(1, "unmap", 1, "fresh", "unmap.frames", call, "min_end", "one_cpu", "fresh")
      head("Shootdown of what was unmapped")
      call[1] = "purge, 1 CPU"; call[2] = "shootdown"
      singles(1, "shootdown, 1 CPU", 1, "fresh", "shootdown", call, "min_end", "one_cpu", "fresh")
      call[1] = "purge, 2 CPUs"
      singles(1, "shootdown, 2 CPUs", 2, "fresh", "shootdown", call, "min_end", "two_cpus", "fresh")
      events()
      shipped()
      printf "\n**%d of %d rows are at or below half of Linux.**\n", met, goals
      exit failed
    }' "$linux" "$ours"
}

tables > "$new.tables"
trap 'rm -f "$new" "$new.tables"' EXIT
awk -v tables="$new.tables" '
  /^<!-- tables: begin/ { print; while ((getline line < tables) > 0) print line; skip = 1; next }
  /^<!-- tables: end/ { print ""; skip = 0 }
  !skip' "$page" > "$new"
if [[ ${1:-} == --check ]]; then
  cmp -s "$new" "$page" && exit 0
  echo "performance_table: the tables of $page are out of date; write them with:" \
    "scripts/performance_table.sh" >&2
  exit 1
fi
cat "$new" > "$page"
grep -h 'rows are at or below' "$page"
