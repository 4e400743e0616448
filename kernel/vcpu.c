/* SPDX-License-Identifier: MIT */
/*
 * Software vCPUs: a thread that takes page faults, exceptions and messages as upcalls at an entry point of its own (its
 * kernel mode), and that can continue in the address space of another task (its user mode). Its state lies in
 * kernel-user memory, see <l4/vcpu.h>.
 *
 * What happens to a running vCPU, and the function that does it:
 *   kernel mode -> entry    vcpu_fault, vcpu_receive_begin   state allows the event; registers go to the state area
 *   kernel mode -> user     vcpu_resume                      saved_state has USER_MODE
 *   user mode -> entry      vcpu_fault, vcpu_receive_begin   every fault, exception, system call, message
 *
 *   V1  THREAD_OPT_VCPU => vcpu != NULL, an area inside kernel-user memory of the thread's task.
 *   V2  THREAD_VCPU_USER => space is that of vcpu_task; otherwise that of the thread's task. User code may write the
 *       USER_MODE bit of the state area: the kernel looks at the flag only.
 *   V3  vcpu_task is referenced: it may be dead, but its address space exists.
 *   V4  THREAD_VCPU_IPC is set only while a message is put into the state area, never between kernel entries.
 * All that is read from the area is checked as a reply to an exception is.
 */
#include "cpu.h"
#include "ipc.h"
#include "map.h"
#include "task.h"
#include <l4/vcpu.h>

#define EVENTS (L4_VCPU_IRQ | L4_VCPU_PAGE_FAULTS | L4_VCPU_EXCEPTIONS)

/* ---- modes ---- */

static void user_mode_begin(struct thread *t, bool fpu)
{
    t->flags |= THREAD_VCPU_USER | (fpu ? 0u : (uint32_t)THREAD_NO_FPU);
    t->space = &t->vcpu_task->space;
    arch_thread_space_changed(t);
}

static void user_mode_end(struct thread *t)
{
    t->flags &= ~(uint32_t)(THREAD_VCPU_USER | THREAD_NO_FPU);
    t->space = &t->task->space;
    arch_thread_space_changed(t);
}

/* The frame becomes that of the entry point. */
static void entry_begin(struct thread *t, word_t sp, bool host_segments)
{
    const struct l4_vcpu *v = t->vcpu;

    arch_vcpu_entry(t, v, host_segments);
    frame_set_ip(&t->arch.frame, v->entry_ip);
    frame_set_sp(&t->arch.frame, sp);
    frame_set_args(&t->arch.frame, t->vcpu_user, 0);
}

/* What runs now is interrupted: state and registers (with the trap in the frame) are saved, the entry point is next. */
static void vcpu_interrupt(struct thread *t)
{
    struct l4_vcpu *v = t->vcpu;
    bool user = (t->flags & THREAD_VCPU_USER) != 0;

    v->saved_state = v->state;
    v->state &= (uint16_t)~(EVENTS | L4_VCPU_USER_MODE);
    arch_exc_store(t, (word_t *)&v->regs);
    if (user)
        user_mode_end(t);
    entry_begin(t, user ? v->entry_sp : frame_sp(&t->arch.frame), user);
}

bool vcpu_takes(const struct thread *t, unsigned events)
{
    return (t->flags & THREAD_VCPU_USER) || (t->vcpu->state & events);
}

struct thread *vcpu_fault(struct thread *self)
{
    vcpu_interrupt(self);
    return self;
}

void vcpu_leave_user(struct thread *t)
{
    vcpu_interrupt(t);
}

/* ---- messages ---- */

bool vcpu_receive_begin(struct thread *t, uint64_t sender)
{
    if (t->ipc_state != IPC_IDLE || t->home == NULL || t->resume != NULL || sender == t->snd.id)
        return false;
    if (t->flags & (THREAD_UNSTARTED | THREAD_GONE | THREAD_KERNEL_IPC | THREAD_LEAVE_FLAGS))
        return false;
    if (!vcpu_takes(t, L4_VCPU_IRQ))
        return false;

    /* ---- commit: the caller transfers a message, or an error, now ---- */
    frame_set_trap(&t->arch.frame, L4_TRAP_IPC, 0);
    vcpu_interrupt(t);
    t->ipc_state = IPC_WAITING; /* until the message is there, as in any open wait */
    t->ipc.wait_slot = &t->reply;
    t->flags |= THREAD_VCPU_IPC;
    work_left = work_slice; /* it does not wait: one window's worth of items at most */
    return true;
}

void vcpu_set_tag(struct thread *t, l4_tag tag)
{
    t->flags &= ~(uint32_t)THREAD_VCPU_IPC;
    t->vcpu->ipc.tag = tag.raw;
}

void vcpu_set_label(struct thread *t, word_t label) { t->vcpu->ipc.label = label; }

void vcpu_sender_queued(struct thread *t) { t->vcpu->sticky_flags |= L4_VCPU_IRQ_PENDING; }

void vcpu_senders_gone(struct thread *t) { t->vcpu->sticky_flags &= (uint16_t)~L4_VCPU_IRQ_PENDING; }

/* ---- resume ---- */

static void user_task_drop(struct thread *t)
{
    if (t->vcpu_task != NULL)
        kobj_unref(&t->vcpu_task->obj);
    t->vcpu_task = NULL;
}

/* The user task field of the state: a selector without operation bits is looked up, and marked when it was found. */
static status_t user_task_update(struct thread *t, struct l4_vcpu *v)
{
    word_t field = *(volatile word_t *)&v->user_task;
    unsigned rights;
    struct kobj *obj;

    if ((field & L4_OP_MASK) == L4_OP_REPLY)
        user_task_drop(t);
    if ((field & L4_OP_MASK) != 0 || (field & L4_SEL_SELF))
        return OK;
    obj = cap_lookup(t->task, field >> L4_SEL_SHIFT, &rights);
    if (obj == NULL || obj->type != KOBJ_TASK) {
        user_task_drop(t);
        return OK;
    }
    if (!(rights & L4_RIGHT_S))
        return -L4_ERR_PERM;
    kobj_ref(obj);
    user_task_drop(t);
    t->vcpu_task = task_of(obj);
    v->user_task = field | L4_OP_SEND;
    return OK;
}

struct thread *vcpu_poll_resume(struct thread *self)
{
    struct invoke in = {.self = self, .utcb = self->utcb, .op = L4_OP_RECV | L4_OP_OPEN_WAIT,
                        .timeout = L4_TIMEOUT_ZERO};

    self->flags |= THREAD_VCPU_IPC;
    work_left = work_slice;
    return ipc_receive(&in, NULL);
}

/* Instead of going on: back to the entry point with the message that waits, or with a timeout when it has gone. */
static l4_tag resume_with_message(struct thread *t, struct l4_vcpu *v, bool user)
{
    v->state = (uint16_t)(v->saved_state & ~(EVENTS | L4_VCPU_USER_MODE));
    v->regs.trapno = L4_TRAP_IPC;
    v->regs.err = 0;
    entry_begin(t, user ? v->entry_sp : v->regs.sp, false);
    t->resume = vcpu_poll_resume;
    return TAG_RESUMED;
}

l4_tag thread_vcpu_resume(struct thread *t, struct invoke *in)
{
    struct l4_vcpu *v = t->vcpu;
    unsigned saved;
    status_t st;

    if (t != in->self || !(t->options & THREAD_OPT_VCPU))
        return tag_label(-L4_ERR_INVAL);
    st = user_task_update(t, v);
    if (st != OK)
        return tag_label(st);
    if (t->vcpu_task != NULL && l4_tag_items(in->tag) != 0) {
        if (t->vcpu_task->obj.dead)
            return tag_label(-L4_ERR_NOENT);
        word_t err = msg_items_into(t, t->vcpu_task, in->tag);
        if (err == MSG_AGAIN)
            return TAG_AGAIN;
        if (err != 0)
            return ipc_error_tag(in->utcb, err);
    }
    saved = *(volatile uint16_t *)&v->saved_state;
    if ((saved & L4_VCPU_IRQ) && (v->sticky_flags & L4_VCPU_IRQ_PENDING))
        return resume_with_message(t, v, (saved & L4_VCPU_USER_MODE) != 0);
    if ((saved & L4_VCPU_USER_MODE) && t->vcpu_task == NULL)
        return tag_label(-L4_ERR_NOENT);

    /* ---- commit: nothing below can fail ---- */
    if (saved & L4_VCPU_USER_MODE) {
        v->state = (uint16_t)(saved | EVENTS);
        arch_vcpu_load(t, v, true);
        user_mode_begin(t, (saved & L4_VCPU_FPU) != 0);
    } else {
        v->state = (uint16_t)saved;
        arch_vcpu_load(t, v, false);
    }
    return TAG_RESUMED;
}

/* ---- operations ---- */

l4_tag thread_vcpu_control(struct thread *t, struct invoke *in)
{
    word_t user = in->utcb->mr[1];
    struct l4_vcpu *v;

    if (in->utcb->mr[0] & L4_VCPU_EXTENDED)
        return tag_label(-L4_ERR_NOSYS); /* no hardware virtualisation */
    if (t->task == NULL || user == 0 || (user & 7u))
        return tag_label(-L4_ERR_INVAL);
    v = ku_mem_lookup(t->task, user, L4_VCPU_SIZE);
    if (v == NULL)
        return tag_label(-L4_ERR_INVAL);
    v->version = L4_VCPU_VERSION;
    arch_vcpu_init(t, v);
    t->vcpu = v;
    t->vcpu_user = user;
    t->options |= THREAD_OPT_VCPU;
    return tag_label(0);
}

void vcpu_thread_gone(struct thread *t)
{
    user_task_drop(t);
    t->flags &= ~(uint32_t)(THREAD_VCPU_USER | THREAD_NO_FPU);
    t->vcpu = NULL;
}

void vcpu_check(const struct thread *t)
{
    kassert(!(t->options & THREAD_OPT_VCPU) || t->vcpu != NULL); /* V1 */
    if (t->flags & THREAD_VCPU_USER)                       /* V2 */
        kassert(t->vcpu_task != NULL && t->space == &t->vcpu_task->space);
    else
        kassert(t->task == NULL || t->space == &t->task->space);
    kassert(!(t->flags & THREAD_VCPU_IPC)); /* V4 */
}
