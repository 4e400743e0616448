/* SPDX-License-Identifier: MIT */
/* The kernel without page-table isolation: see isolation.h. */
#include "isolation.h"

const bool isolation_built = false;
bool isolation_on = false;

void isolation_init(void) {}
void *isolation_expose(void *p, size_t size) { return (void)size, p; }
void isolation_cpu_init(struct cpu *c) { (void)c; }
void isolation_switch(struct arch_cpu *a, word_t cr3) { (void)a, (void)cr3; }
