/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the module share.
 *
 *   count.c       the measurement: one row per operation and size; the module's entry
 *   operations.c  what is measured: pairs of an allocation and its free
 *   fragments.c   fills memory with blocks and frees most of them at random
 *   second_cpu.c  brings the other CPUs up
 *   events.c      counts table pages, flushes and interrupts by probes, in runs of their own
 *
 * Linux's interfaces are GPL; this module uses them and therefore is too. It shares no code with
 * the library.
 */
#ifndef VC_LINUX_COUNT_H
#define VC_LINUX_COUNT_H

#include <linux/types.h>

/* A pair of calls: begin() makes something of so many pages, end() takes it back. */
struct operation {
  const char* name;
  void* (*begin)(unsigned long pages);
  void (*end)(void* what, unsigned long pages);
  /* Prepares for a size, outside of what is measured; false: this size cannot be measured. */
  bool (*prepare)(unsigned long pages);
  void (*finish)(unsigned long pages);
};

extern const struct operation vc_operations[];
extern const unsigned int vc_operation_count;

/* Takes all memory in blocks of 32 KiB, then frees so many of 1000 at random. */
int vc_fragment(unsigned int permille);
void vc_restore(void);
/* Free blocks in percent of the blocks that were taken, for the record. */
unsigned long vc_fragment_blocks(void);

/* Brings every CPU up that is there; the caller runs on CPU 0. */
int vc_start_cpus(void);

/* Events since vc_events_start(). A negative number: this kernel has no such symbol to probe. */
struct events {
  long tables;       /* page-table pages made */
  long ranges;       /* flushes of a kernel range, or of everything, asked for */
  long single_pages; /* pages invalidated one by one, over all CPUs */
  long whole;        /* flushes of everything, over all CPUs */
  long interrupts;   /* function-call interrupts taken */
};
int vc_events_start(void);
void vc_events_stop(struct events* events);

#endif
