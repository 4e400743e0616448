/* SPDX-License-Identifier: MIT */
/*
 * Output that needs no partner: the debugger object if the task has one, else its log. The message registers are those
 * of the caller and are lost.
 */
#include <l4/sys/kdebug.h>
#include <l4/sys/kernel_object.h>
#include <l4/sys/vcon.h>
#include "copy.h"

/* Words 0 and 1: operation and length; the text behind. */
#define TEXT_MAX ((L4_UTCB_GENERIC_DATA_SIZE - 2) * 8)

static int debugger_text(l4_umword_t op, char const *text, unsigned len)
{
    l4_utcb_t *u = l4_utcb();
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;
    l4_msgtag_t tag;

    mr[0] = L4_KDEBUG_GROUP_JDB | op;
    mr[1] = len;
    copy_bytes(&mr[2], text, len);
    tag = l4_invoke_debugger(L4_BASE_DEBUGGER_CAP, l4_msgtag(0, 2 + l4_bytes_to_mwords(len), 0, 0), u);
    return l4_error_u(tag, u) >= 0;
}

void l4_kd_enter(char const *text)
{
    unsigned len = text_len(text);

    debugger_text(L4_KDEBUG_ENTER, text, len < TEXT_MAX ? len : TEXT_MAX);
}

void l4_kd_outnstring(char const *text, unsigned len)
{
    while (len) {
        unsigned n = len < TEXT_MAX ? len : TEXT_MAX;

        if (!debugger_text(L4_KDEBUG_OUTNSTRING, text, n))
            l4_vcon_send(L4_BASE_LOG_CAP, text, n);
        text += n;
        len -= n;
    }
}

void l4_kd_outstring(char const *text) { l4_kd_outnstring(text, text_len(text)); }

void l4_kd_outchar(char c) { l4_kd_outnstring(&c, 1); }

static void out_hex(l4_uint64_t number, unsigned digits)
{
    char text[16];

    for (unsigned i = 0; i < digits; i++)
        text[i] = "0123456789abcdef"[number >> 4 * (digits - 1 - i) & 15];
    l4_kd_outnstring(text, digits);
}

void l4_kd_outumword(l4_umword_t number) { out_hex(number, 16); }
void l4_kd_outhex64(l4_uint64_t number) { out_hex(number, 16); }
void l4_kd_outhex32(l4_uint32_t number) { out_hex(number, 8); }
void l4_kd_outhex20(l4_uint32_t number) { out_hex(number, 5); }
void l4_kd_outhex16(l4_uint16_t number) { out_hex(number, 4); }
void l4_kd_outhex12(l4_uint16_t number) { out_hex(number, 3); }
void l4_kd_outhex8(l4_uint8_t number) { out_hex(number, 2); }

void l4_kd_outdec(l4_mword_t number)
{
    char text[21];
    unsigned i = sizeof text;
    l4_umword_t n = number < 0 ? 0 - (l4_umword_t)number : (l4_umword_t)number;

    do
        text[--i] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    if (number < 0)
        text[--i] = '-';
    l4_kd_outnstring(text + i, (unsigned)sizeof text - i);
}
