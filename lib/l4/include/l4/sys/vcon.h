/* SPDX-License-Identifier: MIT */
/*
 * Virtual console: the kernel's log and every log or terminal of a server. Protocol L4_PROTO_LOG; with the ICU
 * protocol an IRQ bound to line 0 tells that input is there.
 */
#pragma once
#include <l4/sys/kernel_object.h>

enum L4_vcon_size_consts {
    L4_VCON_WRITE_SIZE = (L4_UTCB_GENERIC_DATA_SIZE - 2) * 8, /* bytes per message */
    L4_VCON_READ_SIZE = (L4_UTCB_GENERIC_DATA_SIZE - 1) * 8
};
enum L4_vcon_read_stat {
    L4_VCON_READ_SIZE_MASK = 0x3fffffff,
    L4_VCON_READ_STAT_BREAK = 0x40000000,
    L4_VCON_READ_STAT_DONE = -0x7fffffff - 1 /* bit 31: nothing more is there */
};
enum L4_vcon_ops {
    L4_VCON_WRITE_OP = 0,
    L4_VCON_READ_OP = 1,
    L4_VCON_SET_ATTR_OP = 2,
    L4_VCON_GET_ATTR_OP = 3
};

typedef struct l4_vcon_attr_t {
    l4_umword_t i_flags; /* L4_VCON_INLCR, IGNCR, ICRNL */
    l4_umword_t o_flags; /* L4_VCON_ONLCR, OCRNL, ONLRET */
    l4_umword_t l_flags; /* L4_VCON_ICANON, ECHO */
} l4_vcon_attr_t;

EXTERN_C_BEGIN
l4_msgtag_t l4_vcon_send_u(l4_cap_idx_t vcon, char const *buf, unsigned size, l4_utcb_t *u);
long l4_vcon_write_u(l4_cap_idx_t vcon, char const *buf, unsigned size, l4_utcb_t *u);
int l4_vcon_read_with_flags_u(l4_cap_idx_t vcon, char *buf, unsigned size, l4_utcb_t *u);
int l4_vcon_read_u(l4_cap_idx_t vcon, char *buf, unsigned size, l4_utcb_t *u);
/* Raw mode: clears all flags that change characters on their way. */
void l4_vcon_set_attr_raw(l4_vcon_attr_t *attr);
EXTERN_C_END
/* Sends one write of size bytes (at most L4_VCON_WRITE_SIZE are taken); no answer. Blocks until the console has
 * received it. */
L4_INLINE l4_msgtag_t l4_vcon_send(l4_cap_idx_t vcon, char const *buf, unsigned size)
{
    return l4_vcon_send_u(vcon, buf, size, l4_utcb());
}
/* The same; returns the number of bytes taken, or a negative error. */
L4_INLINE long l4_vcon_write(l4_cap_idx_t vcon, char const *buf, unsigned size)
{
    return l4_vcon_write_u(vcon, buf, size, l4_utcb());
}
/* Reads at most size bytes (at most L4_VCON_READ_SIZE) without blocking for input; size 0 or buf NULL: asks for the
 * status only. Returns bytes | L4_VCON_READ_STAT_*; only values below 0 without the DONE bit's company are errors: use
 * l4_vcon_read() unless the break condition matters. Needs the W right at the kernel's console. */
L4_INLINE int l4_vcon_read_with_flags(l4_cap_idx_t vcon, char *buf, unsigned size)
{
    return l4_vcon_read_with_flags_u(vcon, buf, size, l4_utcb());
}
/* Returns the number of bytes read, size + 1 when more are there than were taken, or a negative error. */
L4_INLINE int l4_vcon_read(l4_cap_idx_t vcon, char *buf, unsigned size)
{
    return l4_vcon_read_u(vcon, buf, size, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_vcon_set_attr_u(l4_cap_idx_t vcon, l4_vcon_attr_t const *attr, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_VCON_SET_ATTR_OP;
    l4_utcb_mr_u(u)->mr[1] = attr->i_flags;
    l4_utcb_mr_u(u)->mr[2] = attr->o_flags;
    l4_utcb_mr_u(u)->mr[3] = attr->l_flags;
    return l4_kobject_call_(vcon, u, L4_PROTO_LOG, 4, 0);
}
/* Sets the flags. */
L4_INLINE l4_msgtag_t l4_vcon_set_attr(l4_cap_idx_t vcon, l4_vcon_attr_t const *attr)
{
    return l4_vcon_set_attr_u(vcon, attr, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_vcon_get_attr_u(l4_cap_idx_t vcon, l4_vcon_attr_t *attr, l4_utcb_t *u)
{
    l4_msgtag_t tag;

    l4_utcb_mr_u(u)->mr[0] = L4_VCON_GET_ATTR_OP;
    tag = l4_kobject_call_(vcon, u, L4_PROTO_LOG, 1, 0);
    if (l4_error_u(tag, u) >= 0) {
        attr->i_flags = l4_utcb_mr_u(u)->mr[1];
        attr->o_flags = l4_utcb_mr_u(u)->mr[2];
        attr->l_flags = l4_utcb_mr_u(u)->mr[3];
    }
    return tag;
}
/* Reads the flags. */
L4_INLINE l4_msgtag_t l4_vcon_get_attr(l4_cap_idx_t vcon, l4_vcon_attr_t *attr)
{
    return l4_vcon_get_attr_u(vcon, attr, l4_utcb());
}
