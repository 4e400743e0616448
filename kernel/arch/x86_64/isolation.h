/* SPDX-License-Identifier: MIT */
/*
 * Page-table isolation, a build choice (isolation.c, or isolation_none.c for ISOLATION=none).
 *
 *   I1  With isolation the kernel runs on kernel_pml4 alone, whatever space is loaded; user mode runs on the space's
 *       root, whose upper half maps the entry area and nothing else: the first page of the image (entries, exits), the
 *       IDT, and of each CPU GDT, TSS and struct entry_stack.
 *   I2  arch_cpu.user_cr3 is what CR3 becomes at each way out: the space's root, with its PCID and without flush; or,
 *       where there are no PCIDs or no more of them, with a flush. What the tables lose, the TLB loses at once.
 *   I3  What the entry area holds of a thread is gone when another space is loaded.
 */
#pragma once
#include "x86.h"

extern const bool isolation_built;
extern bool isolation_on;

/* Before the kernel's tables are final; once. Nothing happens in a build without. */
boot_code void isolation_init(void);
/* The address at which these whole pages (of the image, or of the heap) are in the entry area: p itself when isolation
 * is off. At boot only. */
boot_code void *isolation_expose(void *p, size_t size);
/* This CPU's entries and stacks; after everything else has been set. */
boot_code void isolation_cpu_init(struct cpu *c);
/* The space with that CR3 (without CR3_KEEP: to be flushed) is the one to go out to. */
void isolation_switch(struct arch_cpu *a, word_t cr3);
