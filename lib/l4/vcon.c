/* SPDX-License-Identifier: MIT */
/* Console reading and writing. */
#include <l4/sys/vcon.h>
#include "copy.h"

l4_msgtag_t l4_vcon_send_u(l4_cap_idx_t vcon, char const *buf, unsigned size, l4_utcb_t *u)
{
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;

    if (size > L4_VCON_WRITE_SIZE)
        size = L4_VCON_WRITE_SIZE;
    mr[0] = L4_VCON_WRITE_OP;
    mr[1] = size;
    if (size)
        mr[1 + l4_bytes_to_mwords(size)] = 0; /* no old content in the last word's rest */
    copy_bytes(&mr[2], buf, size);
    return l4_ipc_send(vcon, u, l4_msgtag(L4_PROTO_LOG, 2 + l4_bytes_to_mwords(size), 0, L4_MSGTAG_SCHEDULE),
                       L4_IPC_NEVER);
}

long l4_vcon_write_u(l4_cap_idx_t vcon, char const *buf, unsigned size, l4_utcb_t *u)
{
    l4_msgtag_t tag;

    if (size > L4_VCON_WRITE_SIZE)
        size = L4_VCON_WRITE_SIZE;
    tag = l4_vcon_send_u(vcon, buf, size, u);
    if (l4_msgtag_has_error(tag))
        return l4_error_u(tag, u);
    return (long)size;
}

int l4_vcon_read_with_flags_u(l4_cap_idx_t vcon, char *buf, unsigned size, l4_utcb_t *u)
{
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;
    l4_msgtag_t tag;
    unsigned status, got;
    long r;

    if (size > L4_VCON_READ_SIZE)
        size = L4_VCON_READ_SIZE;
    if (!buf)
        size = 0;
    mr[0] = L4_VCON_READ_OP | (l4_umword_t)size << 16;
    tag = l4_kobject_call_(vcon, u, L4_PROTO_LOG, 1, 0);
    r = l4_error_u(tag, u);
    if (r < 0)
        return (int)r;
    status = (unsigned)mr[0];
    got = status & L4_VCON_READ_SIZE_MASK;
    copy_bytes(buf, &mr[1], got < size ? got : size); /* never more than asked for, whatever the server says */
    return (int)status;
}

/* An error and the DONE bit are both negative; they cannot be mistaken for each other: errors are above -2^30. */
int l4_vcon_read_u(l4_cap_idx_t vcon, char *buf, unsigned size, l4_utcb_t *u)
{
    int r;

    if (size > L4_VCON_READ_SIZE)
        size = L4_VCON_READ_SIZE;
    r = l4_vcon_read_with_flags_u(vcon, buf, size, u);
    if (r < 0 && r > -(1 << 30))
        return r;
    if (!(r & L4_VCON_READ_STAT_DONE))
        return (int)size + 1;
    r &= L4_VCON_READ_SIZE_MASK;
    return (unsigned)r < size ? r : (int)size;
}

void l4_vcon_set_attr_raw(l4_vcon_attr_t *attr)
{
    attr->i_flags &= ~(l4_umword_t)(L4_VCON_INLCR | L4_VCON_IGNCR | L4_VCON_ICRNL);
    attr->o_flags &= ~(l4_umword_t)(L4_VCON_ONLCR | L4_VCON_OCRNL | L4_VCON_ONLRET);
    attr->l_flags &= ~(l4_umword_t)(L4_VCON_ICANON | L4_VCON_ECHO);
}
