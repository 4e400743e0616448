/* SPDX-License-Identifier: MIT */
/* Terminals: output in messages that fit, input by an IRQ bound to the console's input line. */
#include "cons.h"
#include <l4/sys/icu.h>
#include <l4/sys/irq.h>

void terminals_write(const struct mux *m, const char *text, size_t size)
{
    for (const struct terminal *t = m->terminals; t != NULL; t = t->next) {
        for (size_t at = 0; at < size;) {
            size_t n = size - at < L4_VCON_WRITE_SIZE ? size - at : L4_VCON_WRITE_SIZE;
            l4_vcon_send(t->vcon, text + at, (unsigned)n);
            at += n;
        }
    }
}

/* Reads until nothing is left: the line tells only of the first key that comes to an empty buffer. */
static void keys_read(struct terminal *t)
{
    char keys[128];
    int n;

    while ((n = l4_vcon_read(t->vcon, keys, sizeof keys)) > 0)
        keys_arrive(t->mux, keys, (unsigned)n < sizeof keys ? (unsigned)n : sizeof keys);
}

static void input_arrived(struct l4re_obj *obj, struct l4re_srv *srv)
{
    (void)srv;
    keys_read(l4re_container(obj, struct terminal, irq));
}

static const struct l4re_iface input_iface = {.irq = input_arrived};

int terminal_open(struct mux *m, struct terminal *t)
{
    l4_vcon_attr_t attr;
    int r = l4re_srv_register_irq(&server, &t->irq, &input_iface);

    if (r < 0)
        return r;
    t->mux = m;
    t->next = m->terminals;
    m->terminals = t;
    if (l4_error(l4_vcon_get_attr(t->vcon, &attr)) >= 0) { /* keys come as they are, and we echo */
        l4_vcon_set_attr_raw(&attr);
        l4_vcon_set_attr(t->vcon, &attr);
    }
    if (l4_error(l4_icu_bind(t->vcon, 0, t->irq.cap)) < 0) {
        l4re_srv_unregister(&server, &t->irq); /* output only */
        return 0;
    }
    l4_irq_unmask(t->irq.cap);
    keys_read(t); /* what came before */
    return 0;
}
