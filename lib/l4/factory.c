/* SPDX-License-Identifier: MIT */
/*
 * Messages to factories. Arguments are a type word (type, size << 16) and the value, padded to words. The receive
 * buffer for the new capability is set at start.
 */
#include <l4/sys/factory.h>
#include "copy.h"

l4_msgtag_t l4_factory_create_start_u(long obj, l4_cap_idx_t target, l4_utcb_t *u)
{
    l4_buf_regs_t *b = l4_utcb_br_u(u);

    l4_utcb_mr_u(u)->mr[0] = (l4_umword_t)obj;
    b->bdr = 0;
    b->br[0] = (target & ~0xffful) | L4_RCV_ITEM_SINGLE_CAP;
    b->br[1] = 0;
    return l4_msgtag(L4_PROTO_FACTORY, 1, 0, 0);
}

/* Appends a type word and len bytes; 0 when they do not fit behind the words so far. */
static int add(unsigned type, void const *value, unsigned len, l4_msgtag_t *tag, l4_utcb_t *u)
{
    unsigned w = l4_msgtag_words(*tag);
    unsigned size = l4_bytes_to_mwords(len);
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;

    if (size > L4_UTCB_GENERIC_DATA_SIZE || w + 1 + size > L4_UTCB_GENERIC_DATA_SIZE)
        return 0;
    mr[w] = type | (l4_umword_t)len << 16;
    if (size)
        mr[w + size] = 0;
    copy_bytes(&mr[w + 1], value, len);
    *tag = l4_msgtag(l4_msgtag_label(*tag), w + 1 + size, l4_msgtag_items(*tag), l4_msgtag_flags(*tag));
    return 1;
}

int l4_factory_create_add_fpage_u(l4_fpage_t d, l4_msgtag_t *tag, l4_utcb_t *u)
{
    return add(L4_VARG_TYPE_FPAGE, &d.raw, sizeof d.raw, tag, u);
}
int l4_factory_create_add_int_u(l4_mword_t d, l4_msgtag_t *tag, l4_utcb_t *u)
{
    return add(L4_VARG_TYPE_MWORD, &d, sizeof d, tag, u);
}
int l4_factory_create_add_uint_u(l4_umword_t d, l4_msgtag_t *tag, l4_utcb_t *u)
{
    return add(L4_VARG_TYPE_UMWORD, &d, sizeof d, tag, u);
}
int l4_factory_create_add_lstr_u(char const *s, unsigned len, l4_msgtag_t *tag, l4_utcb_t *u)
{
    return add(L4_VARG_TYPE_STRING, s, len, tag, u);
}
int l4_factory_create_add_str_u(char const *s, l4_msgtag_t *tag, l4_utcb_t *u)
{
    return l4_factory_create_add_lstr_u(s, text_len(s) + 1, tag, u);
}
int l4_factory_create_add_nil_u(l4_msgtag_t *tag, l4_utcb_t *u)
{
    return add(L4_VARG_TYPE_NIL, 0, 0, tag, u);
}

/* Written out: programs that hand out many capabilities make many gates. */
l4_msgtag_t l4_factory_create_gate_u(l4_cap_idx_t factory, l4_cap_idx_t target_cap, l4_cap_idx_t snd_dst_cap,
                                     l4_umword_t label, l4_utcb_t *u)
{
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;
    unsigned items = 0;

    l4_factory_create_start_u(L4_PROTO_NONE, target_cap, u);
    mr[1] = L4_VARG_TYPE_UMWORD | sizeof label << 16;
    mr[2] = label;
    if (l4_is_valid_cap(snd_dst_cap)) {
        l4_kobject_arg_(u, 3, snd_dst_cap);
        items = 1;
    }
    return l4_factory_create_commit_u(factory, l4_msgtag(L4_PROTO_FACTORY, 3, items, 0), u);
}
