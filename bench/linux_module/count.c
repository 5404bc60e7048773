// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the instructions of Linux's page allocators.
 *
 * Meant for QEMU with -icount shift=0: the time-stamp counter then counts instructions exactly, of
 * all CPUs together. Each row is one line on the console:
 *
 *   vc MEMORY OPERATION PAGES KEY=VALUE ...
 *
 * and its columns come from four runs:
 *
 *   first    the first pair of calls of this size since the module was loaded
 *   pair     many pairs, each half counted alone: the least and the median. Interrupts are on (the
 *            allocators may sleep); the least excludes the ticks
 *   total    many pairs in one count, with the purge of what vfree left pending, in tenths of an
 *            instruction per pair; contains the ticks, less than one part in 500
 *   batch    many allocations in a row, then their frees, in instructions per call: what the
 *            per-CPU lists fetch from the zone is spread over them, and so is a last purge
 *
 * and from one with probes: what happened in it, in thousandths per pair.
 */
#include "count.h"

#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>

#include <asm/msr.h>

#define MOST_PAIRS 2001
#define BATCH_PAGES 32768
#define MOST_BATCH 4096

static unsigned int permille = 968;
module_param(permille, uint, 0444);
MODULE_PARM_DESC(permille, "blocks of 1000 that are freed to fragment memory");

static const unsigned long sizes[] = {1, 2, 8, 64, 512, 4096};

static u64 overhead; /* of two adjacent reads of the counter */
static u64* begins;
static u64* ends;
static void** batch;

/* Of many pairs, each half. */
struct halves {
  u64 begin;
  u64 end;
};

static u64 since(u64 start) {
  const u64 now = rdtsc();

  return now - start < overhead ? 0 : now - start - overhead;
}

static void measure_overhead(void) {
  unsigned int i;

  overhead = 0;
  for (i = 0; i < 100; i++) {
    const u64 start = rdtsc();
    const u64 spent = rdtsc() - start;

    if (i == 0 || spent < overhead) overhead = spent;
  }
}

static int compare(const void* a, const void* b) {
  const u64 x = *(const u64*)a;
  const u64 y = *(const u64*)b;

  return x < y ? -1 : x > y;
}

/* One pair, each half counted; false when it was refused. */
static bool pair(const struct operation* op, unsigned long pages, struct halves* spent) {
  u64 start = rdtsc();
  void* what = op->begin(pages);

  spent->begin = since(start);
  if (!what) return false;
  start = rdtsc();
  op->end(what, pages);
  spent->end = since(start);
  return true;
}

static unsigned long pairs_for(unsigned long pages) {
  return clamp(131072 / pages, 101UL, (unsigned long)MOST_PAIRS);
}

/* Returns how many pairs were refused. */
static unsigned long measure_pairs(const struct operation* op, unsigned long pages,
                                   struct halves* least, struct halves* median) {
  const unsigned long wanted = pairs_for(pages);
  unsigned long refused = 0;
  unsigned long n = 0;
  unsigned long i;

  for (i = 0; i < wanted; i++) {
    struct halves spent;

    cond_resched();
    if (!pair(op, pages, &spent)) {
      refused++;
      continue;
    }
    begins[n] = spent.begin;
    ends[n++] = spent.end;
  }
  if (n == 0) return refused;
  sort(begins, n, sizeof(*begins), compare, NULL);
  sort(ends, n, sizeof(*ends), compare, NULL);
  *least = (struct halves){begins[0], ends[0]};
  *median = (struct halves){begins[n / 2], ends[n / 2]};
  return refused;
}

static void run_pairs(const struct operation* op, unsigned long pages, unsigned long n) {
  while (n--) {
    void* what = op->begin(pages);

    if (what) op->end(what, pages);
    cond_resched();
  }
  vm_unmap_aliases();
}

/* Enough for several purges of what is pending (32 MiB, or 64 MiB with two CPUs). */
static unsigned long total_pairs(unsigned long pages) { return max(131072 / (pages + 1), 101UL); }

static u64 measure_total(const struct operation* op, unsigned long pages) {
  const unsigned long n = total_pairs(pages);
  u64 start;

  vm_unmap_aliases();
  start = rdtsc();
  run_pairs(op, pages, n);
  return since(start) * 10 / n;
}

static void measure_batch(const struct operation* op, unsigned long pages, struct halves* each) {
  const unsigned long wanted = clamp(BATCH_PAGES / pages, 4UL, (unsigned long)MOST_BATCH);
  unsigned long n = 0;
  unsigned long i;
  u64 start;

  vm_unmap_aliases();
  start = rdtsc();
  while (n < wanted) {
    batch[n] = op->begin(pages);
    if (!batch[n]) break;
    n++;
  }
  each->begin = n ? since(start) / n : 0;
  start = rdtsc();
  for (i = 0; i < n; i++) op->end(batch[i], pages);
  vm_unmap_aliases();
  each->end = n ? since(start) / n : 0;
}

static void print_events(const char* memory, const struct operation* op, unsigned long pages) {
  const unsigned long n = min(total_pairs(pages), 20000UL);
  struct events events;

  vm_unmap_aliases();
  vc_events_start();
  run_pairs(op, pages, n);
  vc_events_stop(&events);
  pr_info(
      "vc %s %s.events %lu pairs=%lu tables=%ld ranges=%ld single_pages=%ld whole=%ld "
      "interrupts=%ld\n",
      memory, op->name, pages, n, events.tables, events.ranges, events.single_pages, events.whole,
      events.interrupts);
}

/* Operations that are not a purge themselves have batches, totals and events. */
static bool is_shootdown(const struct operation* op) {
  return op->end && !strcmp(op->name, "shootdown");
}

static void measure_row(const char* memory, const struct operation* op, unsigned long pages) {
  struct halves first = {}, least = {}, median = {}, each = {};
  unsigned long refused;
  u64 total = 0;

  if (op->prepare && !op->prepare(pages)) {
    pr_info("vc %s %s %lu impossible=1\n", memory, op->name, pages);
    return;
  }
  pair(op, pages, &first);
  refused = measure_pairs(op, pages, &least, &median);
  if (!is_shootdown(op)) {
    total = measure_total(op, pages);
    measure_batch(op, pages, &each);
  }
  pr_info(
      "vc %s %s %lu pairs=%lu refused=%lu first_begin=%llu first_end=%llu min_begin=%llu "
      "min_end=%llu median_begin=%llu median_end=%llu total10=%llu batch_begin=%llu "
      "batch_end=%llu\n",
      memory, op->name, pages, pairs_for(pages), refused, first.begin, first.end, least.begin,
      least.end, median.begin, median.end, total, each.begin, each.end);
  print_events(memory, op, pages);
  if (op->finish) op->finish(pages);
}

static void measure_all(const char* memory) {
  unsigned int i, k;

  for (i = 0; i < vc_operation_count; i++)
    for (k = 0; k < ARRAY_SIZE(sizes); k++) measure_row(memory, &vc_operations[i], sizes[k]);
}

static int measure(void) {
  measure_overhead();
  pr_info("vc settings cpus=%u pages=%lu lazy_pages=%u overhead=%llu permille=%u\n",
          num_online_cpus(), totalram_pages(), fls(num_online_cpus()) * (32U << (20 - PAGE_SHIFT)),
          overhead, permille);
  measure_all("fresh");
  if (vc_fragment(permille)) return -ENOMEM;
  pr_info("vc settings blocks=%lu\n", vc_fragment_blocks());
  measure_all("fragmented");
  vc_restore();
  pr_info("vc done\n");
  return 0;
}

static int __init count_init(void) {
  int status;

  set_cpus_allowed_ptr(current, cpumask_of(0));
  status = vc_start_cpus();
  if (status) return status;
  status = -ENOMEM;
  begins = vmalloc(MOST_PAIRS * sizeof(*begins));
  ends = vmalloc(MOST_PAIRS * sizeof(*ends));
  batch = vmalloc(MOST_BATCH * sizeof(*batch));
  if (begins && ends && batch) status = measure();
  vfree(begins);
  vfree(ends);
  vfree(batch);
  return status;
}

static void __exit count_exit(void) {}

module_init(count_init);
module_exit(count_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts the instructions of page allocations");
