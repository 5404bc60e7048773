// SPDX-License-Identifier: GPL-2.0
/*
 * Brings the other CPUs up.
 *
 * With -icount and one host thread, QEMU 7.2 gives another CPU its turn only when the running one
 * halts or executes `pause`. Linux waits for a new CPU with schedule() alone, so the new one would
 * never run: start with maxcpus=1, and let a thread execute `pause` whenever the waiting one
 * yields.
 */
#include "count.h"

#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched.h>

static int give_turns(void* unused) {
  while (!kthread_should_stop()) {
    cpu_relax();
    cond_resched();
  }
  return 0;
}

int vc_start_cpus(void) {
  struct task_struct* turns = kthread_create(give_turns, NULL, "vc_turns");
  unsigned int cpu;
  int status = 0;

  if (IS_ERR(turns)) return PTR_ERR(turns);
  kthread_bind(turns, 0);
  wake_up_process(turns);
  for_each_present_cpu(cpu) if (!cpu_online(cpu) && status == 0) status = add_cpu(cpu);
  kthread_stop(turns);
  msleep(2000); /* the per-CPU lists of the zones are being sized anew */
  return status;
}
