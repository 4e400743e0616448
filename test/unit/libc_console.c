/* SPDX-License-Identifier: MIT */
/* The console of the C library: how text becomes messages, and that nothing but the text is in them. */
#include <l4/sys/ipc.h>
#include <l4/sys/vcon.h>
#include <string.h>
#include <tap.h>

static struct l4_utcb own_utcb;
static char received[4096];
static unsigned length, messages, longest, dirt;

static l4_utcb_t *test_utcb(void) { return &own_utcb; }

static l4_msgtag_t test_send(l4_cap_idx_t dest, l4_utcb_t *u, l4_msgtag_t tag, l4_timeout_t to)
{
    l4_umword_t const *mr = l4_utcb_mr_u(u)->mr;
    unsigned bytes = (unsigned)mr[1], end = 8 * l4_msgtag_words(tag) - 16;

    (void)dest, (void)to;
    messages++;
    longest = bytes > longest ? bytes : longest;
    memcpy(received + length, &mr[2], bytes);
    length += bytes;
    for (unsigned i = bytes; i < end; i++)
        dirt += ((char const *)&mr[2])[i] != 0;
    return tag;
}

#define l4_utcb test_utcb
#define l4_utcb_mr() l4_utcb_mr_u(test_utcb())
#define l4_ipc_send test_send
#define l4_vcon_read(vcon, text, size) l4_vcon_read_u(vcon, text, size, test_utcb())
#include "../../lib/c/console.c"

l4re_env_t *l4re_global_env;
l4_kernel_info_t const *l4_global_kip;

long labe_lock_create(struct labe_lock *l) { (void)l; return -1; }
int labe_threaded(void) { return 0; }
struct labe_thread *labe_thread_self(void) { return NULL; }
int l4_vcon_read_u(l4_cap_idx_t vcon, char *buf, unsigned size, l4_utcb_t *u)
{
    (void)vcon, (void)u;
    memset(buf, 'r', size);
    return (int)size + 1;
}

int main(void)
{
    static char text[1500];
    char a[3], b[4], c[8] = "";

    for (unsigned n = 0; n < sizeof text; n++)
        text[n] = (char)('a' + n % 26);
    for (unsigned n = 0; n < 1000; n += n < 20 ? 1 : 97) {
        struct iovec v[3] = {{text, n / 3}, {NULL, 0}, {text + n / 3, n - n / 3}};

        memset(&own_utcb, 0x55, sizeof own_utcb);
        length = 0;
        if (labe_console_write(0x5000, v, 3) != (long)n || length != n || memcmp(received, text, n))
            is(length, n, "the text arrives whole");
    }
    is(dirt, 0, "nothing behind the text");
    is(longest, L4_VCON_WRITE_SIZE, "long texts fill their messages");
    messages = 0;
    is(labe_console_write(0x5000, &(struct iovec){text, 489}, 1), 489, "a text of 489 bytes");
    is(messages, 2, "two messages");
    is(labe_console_read(0x5000, (struct iovec[]){{a, 3}, {c, 0}, {b, 4}}, 3), 7, "input for three buffers");
    ok(!memcmp(a, "rrr", 3) && !memcmp(b, "rrrr", 4), "lies in them");
    is(labe_console_read(0x5000, &(struct iovec){c, 0}, 1), 0, "no room, no input");
    is(labe_console_write(L4_INVALID_CAP, &(struct iovec){text, 1}, 1), -EIO, "no console");
    is(labe_console_read(L4_INVALID_CAP, &(struct iovec){c, 1}, 1), 0, "its end");
    return tap_done();
}
