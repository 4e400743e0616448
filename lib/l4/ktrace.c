/* SPDX-License-Identifier: MIT */
/* Stubs of the kernel debugger's trace buffer. */
#include <l4/sys/ktrace.h>
#include "copy.h"

enum { LOG = 0, CLEAR = 1, DUMP = 2, LOG_3VAL = 4, MAP_STATUS = 0x10, MAP_SLOTS = 0x11 };

static l4_msgtag_t invoke(l4_utcb_t *u, unsigned op, unsigned words)
{
    l4_utcb_mr_u(u)->mr[0] = L4_KDEBUG_GROUP_TRACE | op;
    return l4_invoke_debugger(L4_BASE_DEBUGGER_CAP, l4_msgtag(0, words, 0, 0), u);
}

/* The text's length in word at, the text behind. */
static l4_umword_t log_text(l4_utcb_t *u, unsigned op, unsigned at, char const *text)
{
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;
    unsigned const max = (L4_UTCB_GENERIC_DATA_SIZE - at - 1) * 8;
    unsigned len = text_len(text), words;

    len = len < max ? len : max;
    words = l4_bytes_to_mwords(len);
    mr[at] = len;
    if (words)
        mr[at + words] = 0; /* no old content in the last word's rest */
    copy_bytes(&mr[at + 1], text, len);
    return (l4_umword_t)l4_error_u(invoke(u, op, at + 1 + words), u);
}

l4_umword_t fiasco_tbuf_log(const char *text) { return log_text(l4_utcb(), LOG, 1, text); }

l4_umword_t fiasco_tbuf_log_3val(const char *text, l4_umword_t v1, l4_umword_t v2, l4_umword_t v3)
{
    l4_utcb_t *u = l4_utcb();

    l4_utcb_mr_u(u)->mr[1] = v1;
    l4_utcb_mr_u(u)->mr[2] = v2;
    l4_utcb_mr_u(u)->mr[3] = v3;
    return log_text(u, LOG_3VAL, 4, text);
}

l4_umword_t fiasco_tbuf_log_binary(const unsigned char *data)
{
    (void)data;
    return (l4_umword_t)-L4_ENOSYS;
}

void fiasco_tbuf_clear(void) { invoke(l4_utcb(), CLEAR, 1); }
void fiasco_tbuf_dump(void) { invoke(l4_utcb(), DUMP, 1); }

static l4_msgtag_t map(unsigned op, l4_fpage_t *ku_mem)
{
    l4_utcb_t *u = l4_utcb();
    l4_msgtag_t tag;

    l4_utcb_mr_u(u)->mr[1] = ku_mem->raw;
    tag = invoke(u, op, 2);
    if (l4_error_u(tag, u) >= 0 && l4_msgtag_words(tag) > 0)
        ku_mem->raw = l4_utcb_mr_u(u)->mr[0];
    return tag;
}

l4_msgtag_t fiasco_tbuf_map_status(l4_fpage_t *ku_mem) { return map(MAP_STATUS, ku_mem); }
l4_msgtag_t fiasco_tbuf_map_slots(l4_fpage_t *ku_mem) { return map(MAP_SLOTS, ku_mem); }
