// SPDX-License-Identifier: GPL-2.0
/*
 * Events per operation. Probes cost instructions, so these are other runs than those that count
 * instructions.
 */
#include "count.h"

#include <linux/atomic.h>
#include <linux/hardirq.h>
#include <linux/kprobes.h>

static atomic_long_t hits[4];

static int on_hit(struct kprobe* probe, struct pt_regs* regs);

static struct kprobe probes[] = {
    {.symbol_name = "__pte_alloc_kernel", .pre_handler = on_hit},
    {.symbol_name = "flush_tlb_kernel_range", .pre_handler = on_hit},
    {.symbol_name = "flush_tlb_one_kernel", .pre_handler = on_hit},
    {.symbol_name = "do_flush_tlb_all", .pre_handler = on_hit},
};
static bool placed[ARRAY_SIZE(probes)];
static long interrupts_before;

static int on_hit(struct kprobe* probe, struct pt_regs* regs) {
  atomic_long_inc(&hits[probe - probes]);
  return 0;
}

static long interrupts_now(void) {
  long sum = 0;
#ifdef CONFIG_SMP
  int cpu;

  for_each_online_cpu(cpu) sum +=
      per_cpu(irq_stat, cpu).irq_call_count + per_cpu(irq_stat, cpu).irq_tlb_count;
#endif
  return sum;
}

int vc_events_start(void) {
  unsigned int i;

  for (i = 0; i < ARRAY_SIZE(probes); i++) {
    probes[i].addr = NULL;
    probes[i].flags = 0;
    placed[i] = register_kprobe(&probes[i]) == 0;
  }
  for (i = 0; i < ARRAY_SIZE(probes); i++) atomic_long_set(&hits[i], 0);
  interrupts_before = interrupts_now();
  return 0;
}

static long taken(unsigned int i) { return placed[i] ? atomic_long_read(&hits[i]) : -1; }

void vc_events_stop(struct events* events) {
  unsigned int i;

  events->interrupts = interrupts_now() - interrupts_before;
  events->tables = taken(0);
  events->ranges = taken(1);
  events->single_pages = taken(2);
  events->whole = taken(3);
  for (i = 0; i < ARRAY_SIZE(probes); i++)
    if (placed[i]) unregister_kprobe(&probes[i]);
}
