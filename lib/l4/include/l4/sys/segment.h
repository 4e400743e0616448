/* SPDX-License-Identifier: MIT */
/* x86 segments of a thread. All functions return >= 0 or a negated error: -L4_EINVAL, -L4_ENOSYS. */
#pragma once
#include <l4/sys/task.h>
#include <l4/sys/thread.h>

enum L4_sys_segment { L4_AMD64_SEGMENT_FS = 0, L4_AMD64_SEGMENT_GS = 1 };

EXTERN_C_BEGIN
/* num_desc descriptors of 8 bytes each into the task's local table from entry_number_start on. */
long fiasco_ldt_set(l4_cap_idx_t task, void *ldt, unsigned int num_desc, unsigned int entry_number_start,
                    l4_utcb_t *utcb);
/* size bytes of descriptors into the thread's four entries of the global table. Result: selector of the first. */
long fiasco_gdt_set(l4_cap_idx_t thread, void *desc, unsigned int size, unsigned int entry_number_start,
                    l4_utcb_t *utcb);
/* Index of the first of the four entries. */
unsigned fiasco_gdt_get_entry_offset(l4_cap_idx_t thread, l4_utcb_t *utcb);
/* fs (gs) base: where thread-local storage is found. Setting gs moves the pointer to the UTCB. */
long fiasco_amd64_set_segment_base(l4_cap_idx_t thread, enum L4_sys_segment segr, l4_umword_t base, l4_utcb_t *utcb);
long fiasco_amd64_set_fs(l4_cap_idx_t thread, l4_umword_t base, l4_utcb_t *utcb);
/* Selectors of user data, 64-bit code and 32-bit code. */
long fiasco_amd64_segment_info(l4_cap_idx_t thread, unsigned *user_ds, unsigned *user_cs, unsigned *user32_cs,
                               l4_utcb_t *utcb);
EXTERN_C_END
