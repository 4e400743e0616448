/* SPDX-License-Identifier: MIT */
/*
 * From musl's system-call numbers to our handlers. The list is LABE_HANDLERS (layer.h); whatever is not in it answers
 * -ENOSYS.
 *
 * I1  A C function never disturbs the caller's message: message and buffer registers and the error word of the calling
 *     thread are the same before and after a call, so a server may print between the message it got and its answer.
 */
#include "layer.h"
#include "labe/libc.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <l4/sys/utcb.h>

struct labe_entry {
    labe_handler *handler;
    int messages; /* 1: the handler may use message or buffer registers */
};

#define LABE_ENTRY(name, messages) [SYS_##name] = {labe_sys_##name, messages},
static const struct labe_entry entries[] = {LABE_HANDLERS(LABE_ENTRY)};
#undef LABE_ENTRY

struct message_copy {
    l4_umword_t mr[L4_UTCB_GENERIC_DATA_SIZE];
    l4_umword_t bdr, br[L4_UTCB_GENERIC_BUFFERS_SIZE], error;
};

static void message_save(struct message_copy *m)
{
    memcpy(m->mr, l4_utcb_mr()->mr, sizeof m->mr);
    memcpy(m->br, l4_utcb_br()->br, sizeof m->br);
    m->bdr = l4_utcb_br()->bdr;
    m->error = l4_utcb_tcr()->error;
    l4_utcb_br()->bdr = 0;
}

static void message_restore(const struct message_copy *m)
{
    memcpy(l4_utcb_mr()->mr, m->mr, sizeof m->mr);
    memcpy(l4_utcb_br()->br, m->br, sizeof m->br);
    l4_utcb_br()->bdr = m->bdr;
    l4_utcb_tcr()->error = m->error;
}

long labe_syscall(long n, long a, long b, long c, long d, long e, long f)
{
    if (n < 0 || (unsigned long)n >= sizeof entries / sizeof *entries || entries[n].handler == NULL)
        return -ENOSYS;

    const long arguments[6] = {a, b, c, d, e, f};
    if (!entries[n].messages)
        return entries[n].handler(arguments);

    struct message_copy m;
    message_save(&m);
    long result = entries[n].handler(arguments);
    message_restore(&m);
    return result;
}

long labe_errno(long result)
{
    if (result >= 0)
        return result;
    if (result > -L4_EBADPROTO) /* the classic numbers are the same on both sides */
        return result;
    if (result == -L4_EADDRNOTAVAIL)
        return -ENOMEM;
    if (result == -L4_EBADPROTO)
        return -ENXIO;
    return -EIO;
}
