/* SPDX-License-Identifier: MIT */
/*
 * Consoles: the one behind the environment's log capability (descriptors 0, 1 and 2), and others that were opened.
 * Writing gathers text into messages of up to 488 bytes, so that a line that fits arrives in one piece. Reading blocks
 * at a semaphore that is bound to the console's input line; a console without input is at its end at once.
 *
 * I1  Before every wait `input` is bound to line 0, and then a read found nothing: whoever else uses the console may
 *     have taken the line since the last wait.
 * A person types to one reader: two threads that read at the same time may wait for the same line.
 */
#include "layer.h"
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <termios.h>
#include <l4/sys/icu.h>
#include <l4/sys/ipc.h>
#include <l4/sys/semaphore.h>
#include <l4/sys/vcon.h>

static struct labe_lock input; /* only its semaphore is used: tokens come from the console */

/* ---- writing ---- */

static long message_send(l4_cap_idx_t vcon, unsigned bytes)
{
    l4_utcb_t *utcb = l4_utcb();

    l4_utcb_mr_u(utcb)->mr[0] = L4_VCON_WRITE_OP;
    l4_utcb_mr_u(utcb)->mr[1] = bytes;
    memset((char *)&l4_utcb_mr_u(utcb)->mr[2] + bytes, 0, -bytes % 8); /* no old content in the last word's rest */
    l4_msgtag_t tag = l4_msgtag(L4_PROTO_LOG, 2 + l4_bytes_to_mwords(bytes), 0, L4_MSGTAG_SCHEDULE);
    return l4_msgtag_has_error(l4_ipc_send(vcon, utcb, tag, L4_IPC_NEVER)) ? -EIO : 0;
}

/* A program may be started without a log; an invalid selector would name the thread itself. */
long labe_console_write(l4_cap_idx_t vcon, const struct iovec *v, int count)
{
    char *text = (char *)&l4_utcb_mr()->mr[2];
    unsigned used = 0;
    long written = 0, result = 0;

    if (l4_is_invalid_cap(vcon))
        return -EIO;
    for (int i = 0; i < count; i++) {
        const char *from = v[i].iov_base;
        size_t left = v[i].iov_len;

        while (left > 0) {
            size_t n = left < L4_VCON_WRITE_SIZE - used ? left : L4_VCON_WRITE_SIZE - used;
            memcpy(text + used, from, n);
            used += (unsigned)n;
            from += n;
            left -= n;
            written += (long)n;
            if (used == L4_VCON_WRITE_SIZE) {
                if ((result = message_send(vcon, used)) < 0)
                    return result;
                used = 0;
            }
        }
    }
    if (used > 0 && (result = message_send(vcon, used)) < 0)
        return result;
    return written;
}

/* ---- reading ---- */

/* Lets input wake us; 1, or 0 when the console can have none. Binding again what is bound changes nothing. */
static long input_bind(l4_cap_idx_t vcon)
{
    if (input.semaphore == 0 && labe_lock_create(&input) < 0)
        return -ENOMEM;
    if (l4_error(l4_icu_bind(vcon, 0, input.semaphore)) < 0)
        return 0;
    l4_icu_unmask(vcon, 0, NULL, L4_IPC_NEVER);
    return 1;
}

/* Waits until there may be input; -EINTR on cancellation. */
static long input_wait(void)
{
    struct labe_thread *self = labe_threaded() ? labe_thread_self() : NULL;

    if (self != NULL && atomic_exchange(&self->interrupted, 0))
        return -EINTR;
    l4_semaphore_down(input.semaphore, L4_IPC_NEVER);
    return 1;
}

void labe_console_interrupt(void)
{
    if (input.semaphore != 0)
        l4_semaphore_up(input.semaphore);
}

long labe_console_read(l4_cap_idx_t vcon, const struct iovec *v, int count)
{
    char text[L4_VCON_READ_SIZE];
    size_t room = 0;

    for (int i = 0; i < count; i++)
        room += v[i].iov_len;
    if (room == 0 || l4_is_invalid_cap(vcon))
        return 0;
    if (room > sizeof text)
        room = sizeof text;

    for (int ready = 0;; ready = !ready) {
        int n = l4_vcon_read(vcon, text, (unsigned)room);
        if (n < 0)
            return n <= -L4_EIPC_LO ? -EIO : 0; /* the server knows no reading */
        if ((size_t)n > room)
            n = (int)room; /* there is more; the next call gets it */
        if (n > 0) {
            const char *from = text;
            for (int i = 0, left = n; left > 0; i++) {
                size_t part = v[i].iov_len < (size_t)left ? v[i].iov_len : (size_t)left;
                memcpy(v[i].iov_base, from, part);
                from += part;
                left -= (int)part;
            }
            return n;
        }
        long result = ready ? input_wait() : input_bind(vcon);
        if (result <= 0)
            return result;
    }
}

/* ---- terminal ---- */

static long attributes_get(l4_cap_idx_t vcon, struct termios *t)
{
    l4_vcon_attr_t attr = {
        .i_flags = L4_VCON_ICRNL, .o_flags = L4_VCON_ONLCR, .l_flags = L4_VCON_ICANON | L4_VCON_ECHO};

    (void)l4_vcon_get_attr(vcon, &attr); /* a log has no attributes: what it does is the initial value */
    *t = (struct termios){.c_cflag = CS8 | CREAD | CLOCAL};
    t->c_iflag = (attr.i_flags & L4_VCON_INLCR ? INLCR : 0u) | (attr.i_flags & L4_VCON_IGNCR ? IGNCR : 0u) |
                 (attr.i_flags & L4_VCON_ICRNL ? ICRNL : 0u);
    t->c_oflag = (attr.o_flags & L4_VCON_ONLCR ? OPOST | ONLCR : 0u) |
                 (attr.o_flags & L4_VCON_OCRNL ? OPOST | OCRNL : 0u) |
                 (attr.o_flags & L4_VCON_ONLRET ? OPOST | ONLRET : 0u);
    t->c_lflag = (attr.l_flags & L4_VCON_ICANON ? ICANON : 0u) | (attr.l_flags & L4_VCON_ECHO ? ECHO : 0u);
    t->c_cc[VMIN] = 1;
    return 0;
}

static long attributes_set(l4_cap_idx_t vcon, const struct termios *t)
{
    l4_vcon_attr_t attr = {
        .i_flags = (t->c_iflag & INLCR ? L4_VCON_INLCR : 0u) | (t->c_iflag & IGNCR ? L4_VCON_IGNCR : 0u) |
                   (t->c_iflag & ICRNL ? L4_VCON_ICRNL : 0u),
        .o_flags = (t->c_oflag & ONLCR ? L4_VCON_ONLCR : 0u) | (t->c_oflag & OCRNL ? L4_VCON_OCRNL : 0u) |
                   (t->c_oflag & ONLRET ? L4_VCON_ONLRET : 0u),
        .l_flags = (t->c_lflag & ICANON ? L4_VCON_ICANON : 0u) | (t->c_lflag & ECHO ? L4_VCON_ECHO : 0u),
    };
    return l4_error(l4_vcon_set_attr(vcon, &attr)) < 0 ? -EINVAL : 0;
}

long labe_console_ioctl(l4_cap_idx_t vcon, unsigned long request, void *data)
{
    if (l4_is_invalid_cap(vcon))
        return -ENOTTY;
    switch (request) {
    case TCGETS:
        return attributes_get(vcon, data);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return attributes_set(vcon, data);
    case TIOCGWINSZ:
        *(struct winsize *)data = (struct winsize){.ws_row = 25, .ws_col = 80};
        return 0;
    default:
        return -ENOTTY;
    }
}
