/* SPDX-License-Identifier: MIT */
/*
 * Trace buffer of the kernel debugger (slot 10). Functions that give a word or tag tell the kernel's label or a negated
 * error: IPC error 4 without the debugger, -L4_ENOSYS without a buffer.
 */
#pragma once
#include <l4/sys/debugger.h>
#include <l4/sys/kdebug.h>
#include <l4/sys/task.h>

EXTERN_C_BEGIN
/* An entry with text (what fits a message is sent), or with text and three values. */
l4_umword_t fiasco_tbuf_log(const char *text);
l4_umword_t fiasco_tbuf_log_3val(const char *text, l4_umword_t v1, l4_umword_t v2, l4_umword_t v3);
/* The format of binary entries is not settled: nothing is sent, -L4_ENOSYS. */
l4_umword_t fiasco_tbuf_log_binary(const unsigned char *data);
void fiasco_tbuf_clear(void);
/* Has the kernel print the buffer. */
void fiasco_tbuf_dump(void);
/* Map the buffer's status page or its entries into the kernel-user memory *ku_mem; *ku_mem: what was mapped. */
l4_msgtag_t fiasco_tbuf_map_status(l4_fpage_t *ku_mem);
l4_msgtag_t fiasco_tbuf_map_slots(l4_fpage_t *ku_mem);
EXTERN_C_END

/* Label 1: there is a debugger to ask. */
L4_INLINE l4_msgtag_t fiasco_tbuf_validate(void) { return l4_task_cap_valid(L4_BASE_TASK_CAP, L4_BASE_DEBUGGER_CAP); }
