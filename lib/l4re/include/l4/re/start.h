/* SPDX-License-Identifier: MIT */
/*
 * The stack that a loader builds: argc, argv, envp, auxiliary vector. For start code; a program reads the results.
 */
#pragma once
#include <l4/re/env.h>
#include <l4/re/l4aux.h>

struct l4re_start {
    int argc;
    char **argv;
    char **envp;
    l4_umword_t *auxv; /* pairs (type, value), ended by type 0 */
    l4re_aux_t *aux;   /* AT_L4_AUX, NULL when missing */
};

EXTERN_C_BEGIN
/* Takes apart the initial stack (pointer to argc) and sets l4re_global_env and l4_global_kip from the auxiliary vector
 * (where it names them). s may be NULL. Makes no system call. */
void l4re_start_init(l4_umword_t *stack, struct l4re_start *s);
/* Value of the auxiliary vector's entry of that type; 0 when missing. */
l4_umword_t l4re_auxv_get(l4_umword_t const *auxv, l4_umword_t type);
EXTERN_C_END
