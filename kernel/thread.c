/* SPDX-License-Identifier: MIT */
/*
 * Threads: creation, binding, control, ex_regs, the end. IPC with a thread is in ipc.c.
 *
 * Life: created -> bound (task, UTCB) -> started by the first ex_regs, given a CPU by run_thread, in any order ->
 * killed (THREAD_DYING) -> gone. A killed thread does the rest itself, by its own priority, when it is chosen to run
 * next; one that never ran is finished at once.
 */
#include "thread.h"
#include "cpu.h"
#include "factory.h"
#include "ipc.h"
#include "map.h"
#include "objects.h"
#include "operation.h"
#include "smp.h"
#include "task.h"

static struct slab thread_slab;
static uint64_t sender_ids;

uint64_t sender_id_next(void) { return ++sender_ids; }

void thread_module_init(void)
{
    slab_init(&thread_slab, "thread", sizeof(struct thread));
}

struct thread *thread_create(struct factory *payer)
{
    struct thread *t = charged_slab_alloc_raw(payer, &thread_slab);
    const size_t first = sizeof t->arch, end = offsetof(struct thread, kernel_tag);

    if (t == NULL)
        return NULL;
    memset((char *)t + first, 0, end - first);
    kobj_init(&t->obj, &thread_ops, KOBJ_THREAD, payer);
    arch_thread_init(t);
    list_init(&t->ready_link);
    list_init(&t->snd.link);
    list_init(&t->senders);
    list_init(&t->task_link);
    t->snd.id = sender_id_next();
    t->prio = 1;
    t->quantum_us = t->left_us = SCHED_QUANTUM_US;
    t->flags = THREAD_UNSTARTED;
    t->pager = t->handler = THREAD_NO_INDEX;
    return t;
}

status_t thread_bind(struct thread *t, struct task *task, word_t utcb_user)
{
    struct l4_utcb *utcb;

    if (t->task != NULL || (t->flags & THREAD_GONE) || (utcb_user & 7u))
        return -L4_ERR_INVAL;
    utcb = ku_mem_lookup(task, utcb_user, L4_UTCB_SIZE);
    if (utcb == NULL)
        return -L4_ERR_INVAL;

    /* ---- commit: nothing below can fail ---- */
    kobj_ref(&task->obj);
    t->task = task;
    t->space = &task->space;
    t->utcb = utcb;
    t->utcb_user = utcb_user;
    list_push_back(&task->threads, &t->task_link);
    arch_thread_bind(t, utcb_user, utcb);
    return OK;
}

void thread_start(struct thread *t, word_t ip, word_t sp)
{
    frame_set_ip(&t->arch.frame, ip);
    frame_set_sp(&t->arch.frame, sp);
    arch_thread_full_exit(t);
    t->flags &= ~(uint32_t)THREAD_UNSTARTED;
    sched_wake(t);
}

cold_path void thread_cancel(struct thread *t)
{
    t->flags |= THREAD_CANCELED;
    if (t->ipc_state == IPC_IDLE || t->ipc_state == IPC_AWAY) /* when it would have to wait it finds out */
        return;
    t->resume = ipc_cancel_resume;
    sched_wake(t);
}

/* ---- the end ---- */

static void thread_unbind(struct thread *t)
{
    struct task *task = t->task;

    if (task == NULL)
        return;
    if (t->had_cpu)
        t->utcb->free_marker = 0;
    list_remove(&t->task_link);
    if (t->vcpu != NULL)
        vcpu_thread_gone(t);
    t->options = 0;
    t->tramp = NULL; /* its memory goes with the task */
    t->space = NULL;
    t->task = NULL;
    if (list_empty(&task->threads) && task->reply_dir != NULL)
        kobj_work_add(&task->obj);
    kobj_unref(&task->obj);
}

static void delete_irq_drop(struct thread *t)
{
    if (t->delete_irq == NULL)
        return;
    t->delete_irq->deletion_of = NULL;
    kobj_unref(&t->delete_irq->base.obj);
    t->delete_irq = NULL;
}

static void thread_finish(struct thread *t)
{
    struct cpu *c = t->home;

    kassert(cpu_claimed(c));
    t->flags = (t->flags & ~(uint32_t)THREAD_LEAVE_FLAGS) | THREAD_GONE;
    t->resume = NULL;
    ipc_thread_gone(t);
    sched_dequeue(t);
    delete_irq_drop(t);
    arch_thread_free(t);
    thread_unbind(t);
    if (c != NULL && c->context == t)
        c->context = c->current;
    kobj_unref(&t->obj); /* the reference that kept it until here */
}

struct thread *thread_exit(struct thread *self)
{
    struct cpu *c = cpu_self();

    if (!ipc_thread_gone(self))
        return kernel_window();
    /* The CPU must not stand on a thread that is about to be freed. */
    kobj_ref(&self->obj);
    thread_finish(self);
    self->ipc_state = IPC_IDLE;
    struct thread *next = sched_pick(self);

    kassert(c->current == next && c->context != self);
    c->work |= kobj_work != NULL; /* THREAD_WORK of self */
    kobj_unref(&self->obj);
    return work_done(30) ? next : kernel_window();
}

static inline void kill_now(struct thread *t)
{
    if (t->flags & (THREAD_DYING | THREAD_GONE))
        return;
    kobj_ref(&t->obj); /* dropped by thread_finish */
    if ((t->flags & THREAD_UNSTARTED) || t->home == NULL) {
        thread_finish(t);
        return;
    }
    t->flags |= THREAD_DYING;
    sched_wake(t);
}

cold_path void thread_kill(struct thread *t) { kill_now(t); }

static bool thread_destroy(struct kobj *obj)
{
    struct thread *t = thread_of(obj);

    cpu_claim(t->home);
    if ((t->home == NULL || (t->flags & THREAD_UNSTARTED)) && !ipc_thread_gone(t)) /* cannot do it itself */
        return false;
    kill_now(t);
    return true;
}

static bool thread_free(struct kobj *obj)
{
    struct thread *t = thread_of(obj);

    delete_irq_drop(t); /* registered when the thread had died of a fault and still had capabilities */
    charged_slab_retire(obj->payer, &thread_slab, t);
    return true;
}

/* ---- operations ---- */

static word_t selector_of(uint32_t index)
{
    return index == THREAD_NO_INDEX ? ~0ul << L4_SEL_SHIFT : (word_t)index << L4_SEL_SHIFT;
}

static uint32_t index_of(word_t selector)
{
    word_t index = selector >> L4_SEL_SHIFT;

    return index >= THREAD_NO_INDEX ? THREAD_NO_INDEX : (uint32_t)index;
}

static l4_tag thread_control(struct thread *t, struct invoke *in)
{
    word_t *mr = in->utcb->mr, flags = mr[0];
    word_t old_pager = selector_of(t->pager), old_handler = selector_of(t->handler);

    if (flags & L4_THREAD_BIND_TASK) {
        struct kobj *task;
        unsigned rights;
        int st = cap_arg(in, KOBJ_TASK, &task, &rights);

        if (st != OK)
            return cap_arg_tag(in, st);
        if (!(rights & L4_RIGHT_S))
            return tag_label(-L4_ERR_PERM);
        st = thread_bind(t, task_of(task), mr[5]);
        if (st != OK)
            return tag_label(st);
    }
    if (flags & L4_THREAD_SET_PAGER)
        t->pager = index_of(mr[1]);
    if (flags & L4_THREAD_SET_HANDLER)
        t->handler = index_of(mr[2]);
    if (flags & L4_THREAD_ALIEN)
        t->flags = mr[4] & L4_THREAD_ALIEN ? t->flags | THREAD_ALIEN : t->flags & ~(uint32_t)THREAD_ALIEN;
    mr[1] = old_pager;
    mr[2] = old_handler;
    return tag_words(0, 3);
}

static l4_tag thread_ex_regs(struct thread *t, struct invoke *in)
{
    word_t *mr = in->utcb->mr, flags = mr[0], ip = mr[1], sp = mr[2];
    struct arch_frame *f = &t->arch.frame;
    bool in_exception = (t->flags & THREAD_IN_EXCEPTION) && t->ipc_state != IPC_IDLE;

    if (l4_tag_words(in->tag) != 3 || (flags & L4_EXREGS_ARCH_MASK) || t->task == NULL)
        return tag_label(-L4_ERR_INVAL);
    mr[0] = frame_flags(f);
    mr[1] = frame_ip(f);
    mr[2] = frame_sp(f);
    if (in_exception && !(flags & L4_EXREGS_CANCEL))
        return tag_words(0, 3);
    if (t->flags & THREAD_UNSTARTED) {
        thread_start(t, ip == ~0ul ? frame_ip(f) : ip, sp == ~0ul ? frame_sp(f) : sp);
    } else if (ip != ~0ul || sp != ~0ul) {
        if (t->flags & THREAD_VCPU_USER)
            vcpu_leave_user(t);
        if (ip != ~0ul)
            frame_set_ip(f, ip);
        if (sp != ~0ul)
            frame_set_sp(f, sp);
        arch_thread_full_exit(t);
    }
    if (flags & L4_EXREGS_TRIGGER)
        t->flags |= THREAD_TRIGGER;
    if (flags & L4_EXREGS_CANCEL)
        thread_cancel(t);
    return tag_words(0, 3);
}

static l4_tag thread_switch_to(struct thread *t, struct invoke *in)
{
    if (t != in->self && t->ready && t->home == cpu_self() && !is_guest(in->self)) /* guest.c E4 */
        in->next = t;
    else if (t != in->self && t->home == cpu_self())
        cpu_self()->reschedule = true;
    return tag_label(0);
}

static l4_tag thread_delete_irq(struct thread *t, struct invoke *in)
{
    struct kobj *obj;
    unsigned rights;
    int st = cap_arg(in, KOBJ_IRQ, &obj, &rights);

    if (st != OK)
        return cap_arg_tag(in, st);
    if (!(rights & L4_RIGHT_W))
        return tag_label(-L4_ERR_PERM);
    if (t->delete_irq != NULL)
        return tag_label(-L4_ERR_BUSY);
    irq_unbind_source(&irq_of(obj)->base);
    t->delete_irq = irq_of(obj);
    t->delete_irq->deletion_of = t;
    kobj_ref(obj);
    return tag_label(0);
}

/* One queued label: the first group of (mask, value, clear, set) that matches changes it. */
static word_t label_modify(word_t label, const word_t *group, unsigned groups)
{
    for (unsigned g = 0; g < groups; g++, group += 4)
        if ((label & group[0]) == group[1])
            return (label & ~group[2]) | group[3];
    return label;
}

static cold_path l4_tag thread_modify_senders(struct thread *t, struct invoke *in)
{
    unsigned words = l4_tag_words(in->tag), groups = words < 5 ? 0 : (words - 1) / 4;

    if (t->home != in->self->home)
        return tag_label(-L4_ERR_INVAL);
    if (!in->self->progress.again)
        t->modify_at = t->senders.next;
    else if (t->modifier != in->self->snd.id) /* somebody else has begun to */
        return tag_label(-L4_ERR_BUSY);
    while (t->modify_at != &t->senders) {
        struct sender *s = container_of(t->modify_at, struct sender, link);

        s->label = label_modify(s->label, &in->utcb->mr[1], groups);
        t->modify_at = s->link.next;
        if (!work_done(1 + (int)groups / 3)) {
            t->modifier = in->self->snd.id;
            t->options |= THREAD_OPT_MODIFY;
            return TAG_AGAIN;
        }
    }
    t->options &= (uint16_t)~THREAD_OPT_MODIFY;
    t->modifier = 0;
    return tag_label(0);
}

static cold_path l4_tag thread_stats(const struct thread *t, struct invoke *in)
{
    in->utcb->mr[0] = t->consumed_us;
    return tag_words(0, 1);
}

static cold_path l4_tag thread_segment_op(struct thread *t, struct invoke *in)
{
    return arch_thread_op(t, in, (unsigned)(in->utcb->mr[0] & 0xffffu));
}

#define OPERATIONS_OF_THREAD OPERATIONS_MINE
#define OPERATION(handler) thread_##handler(t, in)

static l4_tag thread_operate(struct kobj *obj, struct invoke *in)
{
    struct thread *t = thread_of(obj);
    word_t op;

    if (l4_tag_words(in->tag) == 0)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    op = in->utcb->mr[0] & 0xffffu;
    /* Time is given to threads of the own CPU only. */
    if (unlikely(cpu_count > 1) && op != L4_OP_THREAD_SWITCH_TO && guest_leaves(in, t->home))
        return TAG_TRAVELS;
    switch (operation_key(L4_PROTO_THREAD, op)) {
#include <l4/ops.def>
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}

static struct thread *thread_invoke(struct kobj *obj, struct invoke *in)
{
    if (unlikely(l4_tag_label(in->tag) == L4_PROTO_THREAD) &&
        ((in->op & L4_OP_SEND) || (in->op & L4_OP_MASK) == 0)) {
        bool silent = (in->op & L4_OP_MASK) == 0;

        in->op |= L4_OP_SEND;
        if (silent)
            in->op &= ~L4_OP_RECV;
        return kobj_invoke(obj, in);
    }
    return ipc_run(in, thread_of(obj), obj);
}

const struct kobj_ops thread_ops = {
    .name = "thread",
    .invoke = thread_invoke,
    .operate = thread_operate,
    .destroy = thread_destroy,
    .free = thread_free,
};

void thread_check(const struct thread *t)
{
    switch (t->ipc_state) {
    case IPC_IDLE: /* ipc.c I3 */
        kassert(t->snd.receiver == NULL && t->held_by == NULL);
        kassert(!t->timeout.armed || (!t->ready && !list_empty(&t->ready_link))); /* in an inbox: smp.h L5 */
        break;
    case IPC_SENDING: /* ipc.c I1 */
        kassert(t->snd.receiver != NULL && !list_empty(&t->snd.link));
        break;
    case IPC_AWAY:
        kassert(t->snd.receiver == NULL && !list_empty(&t->snd.link) && !t->timeout.armed);
        break;
    case IPC_RECEIVING: /* ipc.c I2, I4 */
        kassert(t->snd.receiver == NULL && list_empty(&t->snd.link));
        break;
    case IPC_WAITING:
        kassert(t->snd.receiver == NULL && list_empty(&t->snd.link) && list_empty(&t->senders));
        break;
    default:
        break;
    }
    if (t->held_by != NULL) /* R1 */
        kassert(reply_slot_caller(t->held_by) == t && t->ipc_state == IPC_RECEIVING);
    if (t->ready) /* ipc.c I5 */
        kassert(t->ipc_state == IPC_IDLE || t->resume != NULL || (t->flags & THREAD_DYING));
    kassert((t->flags & THREAD_KERNEL_IPC) != THREAD_KERNEL_IPC); /* fault.c F1 */
    kassert(!(t->options & THREAD_OPT_TRAMPOLINE) || t->tramp != NULL); /* trampoline.c T1 */
    vcpu_check(t);
}
