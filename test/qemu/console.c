/* SPDX-License-Identifier: MIT */
/*
 * The console multiplexer as its clients see it: sessions, attributes, reading, notification, wrong use, and that
 * sessions leave nothing behind.
 */
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/env.h>
#include <l4/sys/factory.h>
#include <l4/sys/icu.h>
#include <l4/sys/semaphore.h>
#include <l4/sys/task.h>
#include <l4/sys/vcon.h>
#include <string.h>
#include <tap.h>

#define SESSIONS 3000u

static l4_cap_idx_t cons;

static long create(l4_cap_idx_t target, char const *name, char const *colour, char const *option)
{
    l4_msgtag_t tag = l4_factory_create_start(L4_PROTO_LOG, target);

    l4_factory_create_add_str(name, &tag);
    if (colour)
        l4_factory_create_add_str(colour, &tag);
    if (option)
        l4_factory_create_add_str(option, &tag);
    return l4_error(l4_factory_create_commit(cons, tag));
}

static void wrong_creation(l4_cap_idx_t target)
{
    l4_cap_idx_t weak = l4re_env_get_cap("cons_no_s");
    l4_msgtag_t tag;

    is(l4_error(l4_factory_create(cons, L4_PROTO_LOG, target)), -L4_EINVAL, "no name");
    tag = l4_factory_create_start(L4_PROTO_LOG, target);
    l4_factory_create_add_int(5, &tag);
    is(l4_error(l4_factory_create_commit(cons, tag)), -L4_EINVAL, "a number as name");
    tag = l4_factory_create_start(L4_PROTO_LOG, target);
    l4_factory_create_add_str("x", &tag);
    l4_utcb_mr()->mr[l4_msgtag_words(tag)] = 0xffff0001; /* a number of 65535 bytes */
    tag.raw++;
    is(l4_error(l4_factory_create_commit(cons, tag)), -L4_EINVAL, "an argument that ends behind the message");
    is(l4_error(l4_factory_create(cons, 1, target)), -L4_ENOSYS, "a virtio console");
    is(l4_error(l4_factory_create(cons, L4_PROTO_THREAD, target)), -L4_ENOSYS, "a thread");
    tag = l4_factory_create_start(L4_PROTO_LOG, target);
    l4_factory_create_add_str("x", &tag);
    is(l4_error(l4_factory_create_commit(weak, tag)), -L4_EPERM, "without the right to create");
    is(l4_error(l4_task_cap_valid(L4RE_THIS_TASK_CAP, target)), 0, "none of these made anything");
}

static void session(l4_cap_idx_t s)
{
    l4_vcon_attr_t a = {0, 0, 0}, b = {L4_VCON_INLCR, L4_VCON_OCRNL, L4_VCON_ICANON};
    char text[8];

    is(create(s, "session", "G", "bufsz=100"), 0, "a session");
    is(l4_error(l4_vcon_get_attr(s, &a)), 0, "its attributes");
    ok(a.i_flags == L4_VCON_ICRNL && a.o_flags == (L4_VCON_ONLCR | L4_VCON_ONLRET) && a.l_flags == L4_VCON_ECHO,
       "are those of a terminal");
    is(l4_error(l4_vcon_set_attr(s, &b)), 0, "others");
    l4_vcon_get_attr(s, &a);
    ok(memcmp(&a, &b, sizeof a) == 0, "are kept");
    is(l4_vcon_read(s, text, sizeof text), 0, "nothing to read");
    is(l4_vcon_read_with_flags(s, NULL, 0), L4_VCON_READ_STAT_DONE, "and nothing asked for");
    l4_utcb_mr()->mr[0] = 119;
    is(l4_error(l4_ipc_call(s, l4_utcb(), l4_msgtag(L4_PROTO_LOG, 1, 0, 0), L4_IPC_NEVER)), -L4_ENOSYS,
       "operation 119");
    is(l4_error(l4_ipc_call(s, l4_utcb(), l4_msgtag(L4_PROTO_LOG, 0, 0, 0), L4_IPC_NEVER)), -L4_EMSGTOOSHORT, "none");
    is(l4_error(l4_ipc_call(s, l4_utcb(), l4_msgtag(0x99, 1, 0, 0), L4_IPC_NEVER)), -L4_EBADPROTO, "other protocol");
    l4_utcb_mr()->mr[0] = L4_VCON_SET_ATTR_OP;
    is(l4_error(l4_ipc_call(s, l4_utcb(), l4_msgtag(L4_PROTO_LOG, 2, 0, 0), L4_IPC_NEVER)), -L4_EMSGTOOSHORT,
       "attributes that end early");
}

static void input_line(l4_cap_idx_t s)
{
    l4_cap_idx_t sem = l4re_util_cap_alloc(), none = l4re_util_cap_alloc();
    l4_icu_info_t info = {0};

    is(l4_error(l4_factory_create(l4re_env()->factory, L4_PROTO_SEMAPHORE, sem)), 0, "a semaphore");
    is(l4_error(l4_icu_info(s, &info)), 0, "the interrupt side");
    is(info.nr_irqs, 1, "has one line");
    is(info.nr_msis, 0, "and no MSI");
    is(l4_error(l4_icu_bind(s, 0, sem)), 0, "bind");
    is(l4_error(l4_icu_bind(s, 0, sem)), 0, "bind again");
    is(l4_error(l4_icu_bind(s, 1, sem)), -L4_EINVAL, "there is no line 1");
    is(l4_error(l4_icu_bind(s, 0, none)), -L4_EINVAL, "an empty slot");
    is(l4_error(l4_icu_set_mode(s, 0, 0)), 0, "mode");
    is(l4_error(l4_icu_unbind(s, 0, sem)), 0, "unbind");
    is(l4_error(l4_icu_unbind(s, 0, sem)), 0, "unbind again");
    is(l4_error(l4_icu_bind(s, 0, sem)), 0, "bind, and leave it so");
    is(l4_msgtag_has_error(l4_icu_unmask(s, 0, NULL, L4_IPC_NEVER)), 0, "unmask is not answered");
    l4re_util_cap_free_um(sem);
    l4re_util_cap_free_um(none);
}

static void output(l4_cap_idx_t s)
{
    static char const text[] = "text with \033[1mcolour\033[0m, a zero\0byte and an end\n";
    l4_msgtag_t tag = l4_msgtag(L4_PROTO_LOG, 3, 0, 0);
    char big[L4_VCON_WRITE_SIZE];

    is(l4_vcon_write(s, text, sizeof text), sizeof text, "text");
    is(l4_vcon_write(s, "", 0), 0, "no text");
    l4_utcb_mr()->mr[0] = L4_VCON_WRITE_OP;
    l4_utcb_mr()->mr[1] = ~0ul;
    memcpy(&l4_utcb_mr()->mr[2], "8 bytes\n", 8);
    is(l4_msgtag_has_error(l4_ipc_send(s, l4_utcb(), tag, L4_IPC_NEVER)), 0, "a count beyond the message");
    memset(big, 'x', sizeof big);
    for (unsigned i = 0; i < 5; i++)
        l4_vcon_write(s, big, sizeof big);
    is(l4_vcon_write(s, "\n", 1), 1, "a line of 2441 characters");
    is(l4_vcon_read(s, big, sizeof big), 0, "the session lives");
}

/* Many sessions at once, and many one after the other, more than there are slots and more than memory would hold. */
static void many(l4_cap_idx_t s)
{
    static l4_cap_idx_t caps[100];
    unsigned good = 0;

    for (unsigned i = 0; i < 100; i++) {
        caps[i] = l4re_util_cap_alloc();
        good += create(caps[i], "many", NULL, "hide") == 0;
        l4_vcon_write(caps[i], "not shown\n", 10);
    }
    is(good, 100, "a hundred sessions");
    for (unsigned i = 0; i < 100; i++)
        l4re_util_cap_free_um(caps[i]);
    good = 0;
    for (unsigned i = 0; i < SESSIONS; i++)
        good += create(s, "again", NULL, "hide") == 0; /* the slot's old session ends */
    is(good, SESSIONS, "many, one after the other");
    l4re_util_cap_free_um(s);
}

int main(void)
{
    l4_cap_idx_t s = l4re_util_cap_alloc();

    cons = l4re_env_get_cap("cons");
    wrong_creation(s);
    session(s);
    input_line(s);
    output(s);
    many(s);
    return tap_done();
}
