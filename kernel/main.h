/* SPDX-License-Identifier: MIT */
/* The steps of kernel_main that arch/host calls one by one. */
#pragma once
#include "base.h"

/* Slabs and boot objects; memory (frame_init) and the architecture are ready. */
boot_code void kernel_init_objects(void);
/* sigma0 and the root task, as the KIP names them; they are ready to run afterwards. */
boot_code void kernel_start_boot_tasks(void);
/* Every invariant of every object that can be reached; stops with a panic. */
void kernel_check_all(void);

boot_code void gate_module_init(void);
boot_code void irq_module_init(void);
boot_code void sem_module_init(void);
