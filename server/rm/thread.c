/* SPDX-License-Identifier: MIT */
/*
 * Threads of the application. A thread is known by the slot in which the application holds it; the slot may be
 * used again for another thread without notice: then the old entry's UTCB is no longer marked as used (the kernel
 * clears the mark). It goes when slot or UTCB is registered again.
 */
#include "thread.h"

l4_cap_idx_t rm_gate, itas_gate, main_thread_slot;
static struct thread *threads;

long gate_create(l4_cap_idx_t slot, l4_umword_t label)
{
    struct rpc m = rpc_write();

    rpc_put64(&m, L4_PROTO_NONE);
    rpc_put64(&m, 8ul << 16 | L4_VARG_TYPE_UMWORD);
    rpc_put64(&m, label);
    rpc_put_cap(&m, startup.env->main_thread, L4_CAP_FPAGE_RWS);
    rpc_want_cap(&m, slot);
    return rpc_call(&m, startup.env->factory, L4_PROTO_FACTORY);
}

/* A request of ours to one of these would never be answered. */
bool gate_is_ours(l4_cap_idx_t slot)
{
    return l4_msgtag_label(l4_task_cap_equal(L4_BASE_TASK_CAP, slot, rm_gate)) > 0 ||
           l4_msgtag_label(l4_task_cap_equal(L4_BASE_TASK_CAP, slot, itas_gate)) > 0;
}

struct thread *thread_find(l4_cap_idx_t slot)
{
    for (struct thread *t = threads; t != 0; t = t->next)
        if (l4_capability_equal(t->slot, slot))
            return t;
    return 0;
}

static int thread_is_gone(const struct thread *t)
{
    return t->slot != main_thread_slot && ((const l4_utcb_t *)t->utcb)->free_marker == 0;
}

struct thread *thread_not_blocking(signal_set signals)
{
    struct thread *first = thread_find(main_thread_slot);

    if (first != 0 && (first->blocked & signals) == 0)
        return first;
    for (struct thread *t = threads; t != 0; t = t->next)
        if ((t->blocked & signals) == 0 && !thread_is_gone(t))
            return t;
    return first;
}

/* A label is an address of ours: one that we never gave out belongs to nobody. */
struct thread *thread_of_label(l4_umword_t label)
{
    for (struct thread *t = threads; t != 0; t = t->next)
        if ((l4_umword_t)t == label)
            return t;
    return 0;
}

static void thread_forget(struct thread *t)
{
    struct thread **at = &threads;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    slot_give_deleted(t->gate);
    pool_give(t, sizeof *t);
}

static long thread_control(const struct thread *t)
{
    struct rpc m = rpc_write();

    rpc_put64(&m, L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER | L4_THREAD_BIND_TASK);
    rpc_put64(&m, t->gate);
    rpc_put64(&m, t->gate);
    rpc_put64(&m, 0);
    rpc_put64(&m, 0);
    rpc_put64(&m, t->utcb);
    rpc_put_cap(&m, L4_BASE_TASK_CAP, L4_CAP_FPAGE_RWS);
    return rpc_call(&m, t->slot, L4_PROTO_THREAD);
}

/* The mark of a UTCB that is used again would make its earlier users look alive. */
static void utcb_users_forget(l4_addr_t utcb)
{
    struct thread *next;

    for (struct thread *t = threads; t != 0; t = next) {
        next = t->next;
        if (t->utcb == utcb && thread_is_gone(t))
            thread_forget(t);
    }
}

long thread_register(l4_cap_idx_t slot, l4_addr_t utcb, struct thread **out)
{
    struct thread *t;

    utcb_users_forget(utcb);
    t = thread_find(slot);
    if (t != 0 && !thread_is_gone(t))
        return -L4_EINVAL;
    if (t != 0)
        thread_forget(t);
    if (gate_is_ours(slot))
        return -L4_EBADPROTO;
    t = pool_take(sizeof *t);
    l4_cap_idx_t gate = t != 0 ? slot_take() : CAP_NONE;
    if (l4_is_invalid_cap(gate)) {
        pool_give(t, sizeof *t);
        return -L4_ENOMEM;
    }
    t->slot = slot;
    t->gate = gate;
    t->utcb = utcb;
    t->stack.flags = STACK_OFF;
    long e = gate_create(gate, (l4_umword_t)t);
    if (e >= 0)
        e = thread_control(t);
    if (e < 0) {
        slot_give_deleted(gate);
        pool_give(t, sizeof *t);
        return e;
    }
    t->next = threads;
    threads = t;
    *out = t;
    return 0;
}

/* A thread that still runs stays registered: its faults need somebody. */
long thread_unregister(l4_cap_idx_t slot)
{
    struct thread *t = thread_find(slot);

    if (t == 0 || !thread_is_gone(t))
        return -L4_EINVAL;
    thread_forget(t);
    return 0;
}
