/* SPDX-License-Identifier: MIT */
/*
 * Output without a partner of one's own: to the kernel debugger (slot 10), or, where a task has none, to its log (slot
 * 5). For start code, for the first pager and root task, and for finding errors. Nothing fails; without either object
 * the text is lost.
 */
#pragma once
#include <l4/sys/ipc.h>

enum l4_kdebug_ops_t {
    L4_KDEBUG_GROUP_JDB = 0x000,
    L4_KDEBUG_GROUP_KOBJ = 0x100,
    L4_KDEBUG_GROUP_TRACE = 0x200,
    L4_KDEBUG_GROUP_COV = 0x400,
    L4_KDEBUG_GROUP_DUMP = 0x500,
    L4_KDEBUG_ENTER = 0,
    L4_KDEBUG_OUTCHAR = 1,
    L4_KDEBUG_OUTNSTRING = 2,
    L4_KDEBUG_OUTHEX32 = 3,
    L4_KDEBUG_OUTHEX20 = 4,
    L4_KDEBUG_OUTHEX16 = 5,
    L4_KDEBUG_OUTHEX12 = 6,
    L4_KDEBUG_OUTHEX8 = 7,
    L4_KDEBUG_OUTDEC = 8
};

EXTERN_C_BEGIN
/* Enters the kernel debugger with a message; goes on at once where there is none. */
void l4_kd_enter(char const *text);
void l4_kd_outnstring(char const *text, unsigned len);
void l4_kd_outstring(char const *text);
void l4_kd_outchar(char c);
/* Hexadecimal, as many digits as the name says (outumword: 16). */
void l4_kd_outumword(l4_umword_t number);
void l4_kd_outhex64(l4_uint64_t number);
void l4_kd_outhex32(l4_uint32_t number);
void l4_kd_outhex20(l4_uint32_t number);
void l4_kd_outhex16(l4_uint16_t number);
void l4_kd_outhex12(l4_uint16_t number);
void l4_kd_outhex8(l4_uint8_t number);
/* Signed decimal. */
void l4_kd_outdec(l4_mword_t number);
EXTERN_C_END
