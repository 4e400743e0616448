/* SPDX-License-Identifier: MIT */
/* See oracle.h. What the model asks about capabilities and user memory is looked up here. */
#include "oracle.h"
#include "factory.h"
#include "ipc.h"
#include "load.h"
#include "map.h"
#include "memory.h"
#include "objects.h"
#include "oracle_map.h"
#include "smp.h"
#include <l4/proto.h>
#include <l4/trampoline.h>
#include <l4/vcpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct model *before, *after, *trial;
static bool known;  /* `before` is the state of the kernel */
static bool racing;
static const char *difference; /* the last one */

/* A system call that this event makes, as it is before. */
struct call {
    int self;                   /* whose */
    struct model_request request;
    struct model_target target; /* of the request */
    struct model_message message;
    word_t mr[L4_MR_COUNT];
    word_t registers[3], pager, handler; /* of the thread that is operated on */
};
#define OTHERS 6u /* beside that of the thread that runs: of more the model does not know enough */

/* All of it outside the program's data: search.c copies that away and back. */
static struct {
    enum oracle_event event;
    int self;
    struct call own;            /* of the thread that runs */
    struct call other[OTHERS];
    unsigned others;
    uint64_t passed;
    const char *typed;
    uint64_t printed;           /* characters before the event */
    int irq;                    /* object that the pin hits; NOBODY: not known */
    int receiver[2];             /* of messages with items that are going to be taken */
    unsigned transfers, foreseen; /* messages with items in a trial; of these, those */
    word_t moved_error;          /* of the last one */
    int16_t place[MODEL_SENDERS]; /* see destroyed_add */
    const struct l4_utcb *utcb[MODEL_THREADS]; /* before the event */
    struct l4_exc_regs vcpu;             /* of the thread that runs */
    bool inject;                 /* an allocation is to fail */
    bool keep, first;            /* oracle_again; nothing has happened since */
    const struct model *kept;    /* `before` of the state that is begun with; NULL: not loaded yet */
    bool halfway, dying;         /* of the state before, see halfway() */
    bool low;                    /* quota or memory may not suffice */
    const char *wrong;
    bool trampoline, fault;      /* does a page fault go there? is the exception one? */
} *now;

/* ---- what the model asks ---- */

static struct model_target target_of(const struct thread *t, word_t selector)
{
    static const uint8_t kinds[] = {
        [KOBJ_THREAD] = K_THREAD, [KOBJ_TASK] = K_TASK, [KOBJ_GATE] = K_GATE, [KOBJ_IRQ] = K_IRQ, [KOBJ_SEM] = K_SEM,
        [KOBJ_FACTORY] = K_FACTORY, [KOBJ_ICU] = K_ICU, [KOBJ_SCHED] = K_SCHEDULER, [KOBJ_VCON] = K_LOG,
    };
    struct model_target to = {.kind = K_VOID};
    unsigned rights = 0;
    struct kobj *obj = NULL;

    if (selector & L4_SEL_SPECIAL) /* itself, even when it has ended and has not run since */
        return (struct model_target){.kind = K_THREAD, .rights = L4_RIGHT_W | L4_RIGHT_S,
                                     .index = (int16_t)load_thread(t)};
    if (t->task != NULL)
        obj = cap_lookup(t->task, selector >> L4_SEL_SHIFT, &rights);
    if (obj == NULL)
        return to;
    to.rights = (uint16_t)rights;
    to.kind = kinds[obj->type];
    if (obj->type == KOBJ_THREAD)
        to.index = (int16_t)load_thread(thread_of(obj));
    else if (obj->type == KOBJ_GATE || obj->type == KOBJ_IRQ || obj->type == KOBJ_SEM)
        to.index = (int16_t)load_object(obj);
    else if (obj->type == KOBJ_TASK)
        to.task = heap_handle(task_of(obj));
    return to;
}

/* NULL: x makes none that is known. */
static const struct call *call_of(int x)
{
    if (now->event == EVENT_SYSCALL && x == now->self)
        return &now->own;
    for (unsigned i = 0; i < now->others; i++)
        if (now->other[i].self == x)
            return &now->other[i];
    return NULL;
}

/* Somebody who was not known: the model cannot go on, and begins anew when he is (oracle_compare). */
static void stranger_met(void)
{
    for (unsigned i = trial->objects; i < MODEL_OBJECTS; i++)
        trial->object[i] = (struct model_object){.thread = NOBODY, .first = NOBODY};
    for (unsigned i = trial->threads; i < MODEL_THREADS; i++)
        trial->t[i] = (struct model_thread){.state = M_DEAD, .at = NOBODY, .first = NOBODY, .held_by = NOBODY,
                                            .ready_next = NOBODY, .cpu = NOBODY};
    trial->open = true;
}

static bool target_same(const struct model_target *a, const struct model_target *b)
{
    return a->kind == b->kind && a->rights == b->rights && a->index == b->index && a->task == b->task;
}

static word_t world_buffer(int x, unsigned n)
{
    const struct thread *t = load_thread_at(x);

    if (t == NULL) { /* it has ended in this event, and nobody knows what it had there */
        trial->open = true;
        return 0;
    }
    return t->utcb->br[n];
}

static bool world_memory_short(void) { return now->low || (now->inject && frame_fail_countdown == 0); }

static int world_explicit(int x, word_t index, bool make)
{
    const struct thread *t = load_thread_at(x);
    const struct reply_slot *slot = t->task == NULL ? NULL : task_reply_slot(t->task, index);

    if (make && slot == NULL && index < REPLY_PAGES * REPLY_PAGE_SLOTS && !world_memory_short())
        now->wrong = "a reply capability that was not made";
    if (slot == NULL)
        return make ? UNKNOWN : NOBODY;
    return load_slot(slot, t);
}

static word_t world_items(struct model *m, int s, int r, word_t tag, unsigned rights)
{
    static const word_t errors[] = {0, L4_IPC_SEND_OVERFLOW, L4_IPC_SEND_MAP_FAILED};
    word_t error;

    (void)rights;
    if (!(tag & L4_TAG_ITEMS))
        return 0;
    if (now->foreseen == now->transfers &&
        oracle_map_items(now->transfers, load_thread_at(s), load_thread_at(r), &error)) {
        now->receiver[now->foreseen++] = r;
        if (world_memory_short() && model_choose(2) != 0)
            error = L4_IPC_SEND_MAP_FAILED;
    } else {
        m->ends_known = false;
        error = errors[model_choose(3)];
    }
    now->transfers++;
    now->moved_error = error;
    return error;
}

/* What a request names is looked up when it is made: by the thread that runs that is before the event, by others after
 * something in it: both are possible. */
static struct model_target either(const struct call *call, struct model_target before_it, word_t selector)
{
    struct model_target after_it;

    if (call == &now->own || load_thread_at(call->self) == NULL)
        return before_it;
    after_it = target_of(load_thread_at(call->self), selector);
    return target_same(&before_it, &after_it) || model_choose(2) == 0 ? before_it : after_it;
}

static struct model_target world_lookup(int x, word_t selector)
{
    const struct call *call = call_of(x);
    struct model_target to;

    /* But a message of the kernel goes by what is there. */
    if (call != NULL && selector == (call->request.dest & ~L4_OP_MASK) && !(trial->t[x].flags & F_KERNEL_IPC))
        return either(call, call->target, selector);
    to = target_of(load_thread_at(x), selector);
    if (!load_complete(after))
        stranger_met();
    return to;
}

static const struct model_message *world_message(int x)
{
    static const word_t nothing[L4_MR_COUNT];
    static struct model_message message;
    const struct call *call = call_of(x);

    if (call == NULL && !(trial->t[x].flags & F_KERNEL_IPC))
        trial->open = true; /* its message is not known */
    message = call != NULL ? call->message : (struct model_message){.mr = nothing}; /* a fault */
    if (call != NULL && message.item == ITEM_GIVEN)
        message.argument =
            either(call, message.argument, l4_fpage_start((l4_fpage){message.mr[message.words + 1]}) << L4_SEL_SHIFT);
    return &message;
}

static bool world_fault(int x) { return frame_trapno(&load_thread_at(x)->arch.frame) == ARCH_TRAP_PAGE_FAULT; }
static bool world_trampoline(int x) { return x == now->self && now->trampoline; }

static word_t selector_of(uint32_t index)
{
    return index == THREAD_NO_INDEX ? ~0ul << L4_SEL_SHIFT : (word_t)index << L4_SEL_SHIFT;
}
/* Those that it had before: a thread control may have changed them. */
static const struct call *operation_on(int x)
{
    if (now->event == EVENT_SYSCALL && now->own.target.kind == K_THREAD && now->own.target.index == x)
        return &now->own;
    for (unsigned i = 0; i < now->others; i++)
        if (now->other[i].target.kind == K_THREAD && now->other[i].target.index == x)
            return &now->other[i];
    return NULL;
}
static word_t world_pager(int x) { return selector_of(load_thread_at(x)->pager); }
static word_t world_handler(int x) { return selector_of(load_thread_at(x)->handler); }
static word_t world_old_pager(int x) { return operation_on(x) != NULL ? operation_on(x)->pager : world_pager(x); }
static word_t world_old_handler(int x) { return operation_on(x) != NULL ? operation_on(x)->handler : world_handler(x); }

static void world_registers(int x, word_t *flags_ip_sp)
{
    const struct arch_frame *f = &load_thread_at(x)->arch.frame;
    const struct call *call = operation_on(x);

    memcpy(flags_ip_sp, call != NULL ? call->registers : (word_t[]){f->flags, f->ip, f->sp}, sizeof call->registers);
}

static bool overlap(const struct thread *a, const struct thread *b)
{
    const char *x = (const char *)a->utcb, *y = (const char *)b->utcb;

    return x < y + sizeof *a->utcb && y < x + sizeof *a->utcb;
}

/* Somebody with the same UTCB (users may do that) has learned something. */
static bool world_overwritten(const struct model *m, int x)
{
    for (unsigned i = 0; i < m->threads; i++) {
        const struct thread *a = load_thread_at(x), *b = load_thread_at((int)i);

        if ((int)i != x && m->result[i].kind != R_NONE && a != NULL && b != NULL && overlap(a, b))
            return true;
    }
    return false;
}

static const struct model_world world = {
    .lookup = world_lookup,         .buffer = world_buffer,   .explicit_slot = world_explicit, .items = world_items,
    .trap_is_fault = world_fault,
    .memory_short = world_memory_short,
    .message = world_message,      .trampoline = world_trampoline,
    .pager = world_pager,           .handler = world_handler,     .registers = world_registers,
    .old_pager = world_old_pager,   .old_handler = world_old_handler,
    .overwritten = world_overwritten,
};

/* ---- before ---- */

void oracle_start(void)
{
    now = calloc(1, sizeof *now);
    before = calloc(3, sizeof *before);
    if (now == NULL || before == NULL) {
        perror("sim: memory");
        exit(2);
    }
    after = before + 1;
    trial = before + 2;
    load_reset();
    model_console_reset(&before->console);
    known = false;
}

void oracle_forget(void) { known = now->first = false; }

void oracle_keep(bool on)
{
    now->keep = on;
    now->kept = NULL;
}

void oracle_again(void)
{
    known = now->kept == before; /* the variable, too, was put back */
    now->first = now->keep;
}

void oracle_race(bool on)
{
    racing = on;
    known = before->console.known = false;
    for (unsigned i = 0; !on && i < WORLD_TASKS; i++) { /* whoever was made meanwhile */
        const struct task *task = world_task(i);

        if (task == NULL)
            continue;
        for (const struct list *l = task->threads.next; l != &task->threads; l = l->next)
            load_thread(container_of(l, const struct thread, task_link));
    }
}

static uint8_t events_of(const struct thread *t)
{
    return t->flags & THREAD_VCPU_USER ? 7 : (uint8_t)(t->vcpu->state & 7u);
}

/* User memory may have changed since the last event. */
static void look_at_users(const struct thread *self)
{
    for (unsigned i = 0; i < before->threads; i++) {
        const struct thread *t = before->t[i].state == M_DEAD ? NULL : load_thread_at((int)i);

        before->upcalls[i] = before->t[i].flags & F_VCPU ? events_of(t) : 0;
        now->utcb[i] = t == NULL ? NULL : t->utcb;
    }
    now->trampoline = (self->task != NULL && self->task->is_sigma0) ||
                     ((self->options & THREAD_OPT_TRAMPOLINE) && !(self->tramp->flags & L4_TRAMP_IN_PROGRESS));
}

/* cap_valid and cap_equal: a selector that is special names nothing but itself. */
static long cap_info(const struct task *task, unsigned words, word_t a, word_t b)
{
    unsigned rights_a = 0, rights_b = 0, compared = L4_RIGHT_W | L4_RIGHT_S;
    const struct kobj *obj_a = a & L4_SEL_SPECIAL ? NULL : cap_lookup(task, a >> L4_SEL_SHIFT, &rights_a);
    const struct kobj *obj_b = b & L4_SEL_SPECIAL ? NULL : cap_lookup(task, b >> L4_SEL_SHIFT, &rights_b);

    if (words == 2)
        return obj_a != NULL;
    if (a == b)
        return 1;
    if (obj_a != NULL && obj_a->type == KOBJ_GATE)
        compared |= L4_OBJ_SERVER;
    return !((a | b) & L4_SEL_SPECIAL) && obj_a == obj_b && (rights_a & compared) == (rights_b & compared);
}

/* Is there an object buffer: a single capability, or a window of capabilities? *slot: the first one. */
static bool slot_given(const struct l4_utcb *utcb, word_t *slot)
{
    unsigned at = (unsigned)(utcb->bdr >> L4_BDR_OBJ_SHIFT & L4_BDR_INDEX_MASK);

    *slot = utcb->br[at] >> L4_SEL_SHIFT;
    if (utcb->br[at] == 0 || utcb->br[at] & L4_RCV_SINGLE_CAP)
        return utcb->br[at] != 0;
    if (at + 1 >= L4_BR_COUNT || l4_fpage_type((l4_fpage){utcb->br[at + 1]}) != L4_FPAGE_OBJ)
        return false;
    *slot = l4_fpage_start((l4_fpage){utcb->br[at + 1]});
    return true;
}

static void look_at_vcpu(const struct thread *self, struct model_vcpu *v)
{
    const struct l4_vcpu *area = self->vcpu;

    v->user_task = area->user_task;
    v->named = target_of(self, area->user_task & ~L4_OP_MASK);
    v->saved_state = area->saved_state;
    v->sticky_flags = area->sticky_flags;
    v->has_task = self->vcpu_task != NULL;
    v->task_dead = v->has_task && self->vcpu_task->obj.dead;
    now->vcpu = area->regs;
}

/* The IRQ or semaphore at a pin; NULL: none that lives. */
static const struct irq_base *bound_to(unsigned pin)
{
    for (unsigned i = 0; i < before->objects; i++) {
        const struct irq_base *irq = load_irq_at((int)i);

        if (irq != NULL && irq->source != NULL && irq->source->kind == SOURCE_PIN && irq->source->number == pin)
            return irq;
    }
    for (unsigned i = 0; i < WORLD_TASKS; i++) {
        const struct task *task = world_task(i);

        for (word_t n = 0; task != NULL && n < CAP_PAGE_SLOTS; n++) {
            const struct cap *c = cap_slot(task, n);
            const struct kobj *obj = c == NULL || c->raw == 0 ? NULL : cap_obj(c);
            const struct irq_base *irq;

            if (obj == NULL || obj->dead || (obj->type != KOBJ_IRQ && obj->type != KOBJ_SEM))
                continue;
            irq = container_of(obj, const struct irq_base, obj);
            if (irq->source != NULL && irq->source->kind == SOURCE_PIN && irq->source->number == pin)
                return irq;
        }
    }
    return NULL;
}

static void look_at_pin(const struct call *call, struct model_message *msg)
{
    word_t number = msg->mr[1];
    const struct irq_base *irq;

    if (call->target.kind != K_ICU) {
        msg->pins = 1;
        msg->pin = number == 0 ? PIN_UNSURE : PIN_NONE;
        return;
    }
    msg->pins = arch_irq_pins();
    msg->msis = arch_msi_count();
    if (number & L4_ICU_MSI) {
        msg->pin = (number & ~L4_ICU_MSI) < msg->msis ? PIN_UNSURE : PIN_NONE;
        return;
    }
    msg->pin = PIN_NONE;
    if (number >= msg->pins || !arch_irq_pin_valid((unsigned)number))
        return;
    irq = bound_to((unsigned)number);
    msg->pin = kobj_work != NULL ? PIN_UNSURE : irq == NULL ? PIN_FREE : PIN_BOUND;
    if (irq != NULL)
        msg->bound = (struct model_target){.kind = irq->obj.type == KOBJ_IRQ ? K_IRQ : K_SEM,
                                           .index = (int16_t)load_object(&irq->obj)};
}

/* More than any operation needs; as quota, and of the heap (which may be in pieces). */
#define QUOTA_ENOUGH (1ul << 20)
#define HEAP_ENOUGH (3ul << 20)

static bool quota_low(const struct factory *f) { return f != NULL && f->quota.limit - f->quota.used < QUOTA_ENOUGH; }

static bool task_low(uint32_t task)
{
    return task != 0 && quota_low(((const struct task *)heap_pointer(task))->obj.payer);
}

static void look_at_quota(const struct thread *self, struct call *call)
{
    struct model_message *msg = &call->message;
    const struct factory *f = NULL;
    unsigned rights;

    if (call->target.kind == K_FACTORY)
        f = factory_of(cap_lookup(self->task, call->request.dest >> L4_SEL_SHIFT, &rights));
    msg->quota_left = f == NULL ? 0 : f->quota.limit - f->quota.used;
    now->low = now->low || quota_low(f) || task_low(call->target.task) ||
               task_low(msg->argument.task) || (self->task != NULL && quota_low(self->task->obj.payer));
}

static void look_at_areas(const struct task *task, struct model_message *msg)
{
    struct pt_entry e;

    for (unsigned i = 1; i < msg->words; i++) {
        word_t start = l4_fpage_start((l4_fpage){msg->mr[i]}) << L4_PAGE_SHIFT;
        unsigned order = l4_fpage_order((l4_fpage){msg->mr[i]});

        if (order < 48 && start < L4_USER_END && arch_pt_next(&task->space, start, start + (1ul << order), &e))
            msg->taken |= 1ul << i;
    }
}

static void look_at_call(const struct thread *self, struct call *call)
{
    struct model_message *msg = &call->message;
    l4_tag tag = {call->request.tag};
    unsigned at = l4_tag_words(tag), rights;
    const word_t *mr = self->utcb->mr;
    word_t slot;

    memcpy(call->mr, mr, sizeof call->mr);
    *msg = (struct model_message){.mr = call->mr, .words = at, .items = l4_tag_items(tag)};
    msg->item = ITEM_MISSING;
    if (msg->items > 0 && at + 2 <= L4_MR_COUNT && mr[at] != 0) {
        msg->item = l4_fpage_type((l4_fpage){mr[at + 1]}) == L4_FPAGE_OBJ ? ITEM_GIVEN : ITEM_OTHER;
        if (msg->item == ITEM_GIVEN)
            msg->argument = target_of(self, l4_fpage_start((l4_fpage){mr[at + 1]}) << L4_SEL_SHIFT);
    }
    if (msg->argument.kind == K_TASK)
        msg->utcb_fits = !(mr[5] & 7) &&
                         ku_mem_lookup(heap_pointer(msg->argument.task), mr[5], L4_UTCB_SIZE) != NULL;
    if (call->target.kind == K_THREAD) {
        const struct thread *t = load_thread_at(call->target.index);

        bool fits = t->task != NULL && !(mr[1] & 7);

        msg->vcpu_fits = fits && mr[1] != 0 && ku_mem_lookup(t->task, mr[1], L4_VCPU_SIZE) != NULL;
        msg->area_fits = fits && ku_mem_lookup(t->task, mr[1], sizeof(struct l4_pf_tramp)) != NULL;
        msg->area = t->tramp != NULL;
        msg->area_in_progress = msg->area && (t->tramp->flags & L4_TRAMP_IN_PROGRESS);
        msg->area_trigger = msg->area && (t->tramp->flags & L4_TRAMP_TRIGGER);
        call->pager = selector_of(t->pager);
        call->handler = selector_of(t->handler);
        memcpy(call->registers, (word_t[]){t->arch.frame.flags, t->arch.frame.ip, t->arch.frame.sp},
               sizeof call->registers);
        if (t == self && (t->options & THREAD_OPT_VCPU))
            look_at_vcpu(self, &msg->vcpu);
    } else if (call->target.kind == K_ICU || call->target.kind == K_SCHEDULER || call->target.kind == K_LOG) {
        look_at_pin(call, msg);
    }
    if (call->target.kind == K_TASK) {
        const struct kobj *obj = cap_lookup(self->task, call->request.dest >> L4_SEL_SHIFT, &rights);

        msg->cap_info = cap_info(container_of(obj, const struct task, obj), msg->words, mr[1], mr[2]);
        if (mr[0] == L4_OP_TASK_ADD_KU_MEM)
            look_at_areas(container_of(obj, const struct task, obj), msg);
    }
    msg->slot_given = slot_given(self->utcb, &slot);
    msg->slot_fits = slot < CAP_SLOTS;
    look_at_quota(self, call);
}

/* Who takes a message of the thread that runs at once; NOBODY: nobody. */
static int receiver_now(const struct call *call, unsigned *rights)
{
    word_t dest = call->request.dest;
    const struct model_thread *t;
    int r = NOBODY;

    *rights = call->target.rights;
    if ((dest & L4_OP_REPLY) && (dest & L4_SEL_SPECIAL) == L4_SEL_REPLY) {
        int slot = world_explicit(call->self, (dest & ~L4_OP_MASK) >> L4_SEL_SHIFT, false);

        r = slot < MODEL_THREADS ? NOBODY : before->explicit[slot - MODEL_THREADS].caller;
        *rights = slot < MODEL_THREADS ? 0 : before->explicit[slot - MODEL_THREADS].rights;
    } else if (dest & L4_OP_REPLY) {
        r = before->reply[call->self].caller;
        *rights = before->reply[call->self].rights;
    } else if (!(dest & L4_OP_REPLY) && call->target.kind == K_THREAD) {
        r = call->target.index;
    } else if (!(dest & L4_OP_REPLY) && call->target.kind == K_GATE) {
        r = before->object[call->target.index].thread;
    }
    if (r == NOBODY)
        return NOBODY;
    t = &before->t[r];
    return t->state == M_WAIT || (t->state == M_RECEIVE && t->at == call->self) ? r : NOBODY;
}

/* Whose message does the thread that runs take at once? to: whom it has sent to before, NOBODY: nobody. */
static int sender_now(const struct call *call, int to)
{
    bool open = (call->request.dest & L4_OP_OPEN_WAIT) != 0;
    int from = to != NOBODY ? to : call->target.kind == K_THREAD ? call->target.index
               : call->target.kind == K_GATE ? before->object[call->target.index].thread : NOBODY;

    if (!(call->request.dest & L4_OP_RECV) || (!open && from == NOBODY))
        return NOBODY;
    for (int s = before->t[call->self].first; s != NOBODY; s = before->sender[s].next)
        if (open || s == from)
            return s < MODEL_THREADS ? s : NOBODY;
    return NOBODY;
}

static bool transfer_look(const struct thread *s, const struct thread *r, unsigned rights, l4_tag tag, const word_t *mr)
{
    now->low = now->low || (s->task != NULL && quota_low(s->task->obj.payer)) ||
               (r->task != NULL && quota_low(r->task->obj.payer));
    return oracle_map_message(s, r, rights, tag, mr);
}

/* Messages with items that are going to be taken: one that the thread that runs sends, and one that it receives. */
static void look_at_transfers(const struct thread *self, const struct call *call)
{
    bool send = (call->request.dest & L4_OP_SEND) != 0, more = true, silent;
    const struct thread *to = NULL, *from;
    unsigned rights = 0;
    int other;

    if (before->t[call->self].flags & (F_ALIEN | F_VCPU_USER))
        return;
    other = send ? receiver_now(call, &rights) : NOBODY;
    if (other != NOBODY)
        to = load_thread_at(other);
    if (other != NOBODY && call->message.items != 0)
        more = transfer_look(self, to, rights, (l4_tag){call->request.tag}, call->mr);
    silent = call->target.kind == K_IRQ || call->target.kind == K_SEM || call->target.kind == K_LOG ||
             call->target.kind == K_ICU; /* it may have no answer, and then something is received */
    if (!more || (send && other == NOBODY && ((call->request.dest & L4_OP_REPLY) || !silent)))
        return;
    other = sender_now(call, other);
    if (other == NOBODY || !(before->t[other].ipc.tag & L4_TAG_ITEMS) || (before->t[other].flags & F_KERNEL_IPC))
        return;
    from = load_thread_at(other);
    if (to == NULL || to->utcb == NULL || from->utcb == NULL || !overlap(from, to))
        transfer_look(from, self, before->t[other].ipc.rights, (l4_tag){before->t[other].ipc.tag}, from->utcb->mr);
}

/* Other system calls than that of the thread that runs may be made in this event: of guests, or again. */
static void look_at_others(const struct cpu *c)
{
    now->others = 0;
    for (unsigned i = 0; i < before->threads && cpu_count > 1; i++) {
        const struct model_thread *m = &before->t[i];
        bool again = (m->rest == REST_AGAIN || m->rest == REST_RECEIVE) && m->cpu == (int)c->id;
        const struct thread *t = load_thread_at((int)i);
        struct call *call = &now->other[now->others];

        if ((!again && (m->state != M_AWAY || m->at != (int)c->id)) || (m->flags & F_KERNEL_IPC) || t->utcb == NULL)
            continue;
        if (now->others == OTHERS)
            return;
        call->self = (int)i;
        call->request = m->request;
        call->target = target_of(t, call->request.dest & ~L4_OP_MASK);
        look_at_call(t, call);
        now->others++;
    }
}

static bool windows(void) { return work_slice != 1 << 30; }

/* Has somebody been interrupted by a more important thread in a window of an operation (or, perhaps, of its end)? */
static bool halfway(bool ends)
{
    for (unsigned i = 0; windows() && i < MODEL_THREADS; i++) {
        const struct thread *t = load_thread_at((int)i);

        if (t != NULL && (t->resume == preempt_resume || t->resume == preempt_again ||
                          (ends && (t->flags & THREAD_DYING))))
            return true;
    }
    return windows() && kobj_work != NULL;
}

/* Somebody is known whom `before` does not have yet. */
static void load_before(const struct cpu *c)
{
    load(before);
    before->now = host_clock_us();
    before->cpu = (int)c->id; /* which may not be the one that acted last */
    now->kept = now->kept == before ? NULL : now->kept;
}

/* Something is going to happen on that CPU. */
static void begin(enum oracle_event event, const struct cpu *c)
{
    const struct thread *self = c->current;
    struct call *own = &now->own;

    now->event = event;
    now->inject = frame_fail_countdown != 0;
    now->low = frame_free_bytes() < HEAP_ENOUGH;
    if (load_forget())
        known = false;
    now->self = own->self = self == c->idle ? NOBODY : load_thread(self);
    if (event == EVENT_SYSCALL) {
        own->target = target_of(self, own->request.dest & ~L4_OP_MASK);
        look_at_call(self, own);
        oracle_map_begin(self, &own->request, &own->target, &own->message);
        now->low = now->low || oracle_map_elsewhere();
    } else {
        oracle_map_nothing();
    }
    if (!known || !load_complete(before)) {
        load_before(c);
        if (now->first)
            now->kept = before;
    }
    now->first = false;
    look_at_others(c);
    if (!load_complete(before))
        load_before(c);
    before->now = host_clock_us();
    before->cpu = (int)c->id;
    now->printed = host_output_count();
    now->wrong = NULL;
    now->passed = before->now - c->last_tick_us;
    now->halfway = halfway(false);
    now->dying = halfway(true);
    look_at_users(self);
    if (event == EVENT_SYSCALL)
        look_at_transfers(self, own);
    else if (now->others == 1)
        look_at_transfers(load_thread_at(now->other[0].self), &now->other[0]);
    oracle_map_messages_begun();
    now->low = now->low || oracle_map_elsewhere();
    if (!load_complete(before)) { /* somebody that it will end */
        load_before(c);
        look_at_users(self);
    }
    known = false;
}

void oracle_begin(enum oracle_event event)
{
    if (!racing)
        begin(event, host_cpu);
}

void oracle_syscall(const struct model_request *request)
{
    now->own.request = *request;
    oracle_begin(EVENT_SYSCALL);
}

void oracle_exception(bool page_fault)
{
    oracle_begin(EVENT_EXCEPTION);
    now->fault = page_fault;
}

void oracle_look(unsigned cpu)
{
    if (!racing)
        begin(EVENT_LOOK, cpus[cpu]);
}

void oracle_interrupt(unsigned pin)
{
    const struct irq_base *irq;

    oracle_begin(EVENT_INTERRUPT);
    if (racing)
        return;
    now->irq = NOBODY;
    irq = bound_to(pin);
    if (irq != NULL)
        now->irq = load_object(&irq->obj);
    else if (kobj_work == NULL)
        now->irq = UNKNOWN; /* nobody's */
    if (!load_complete(before))
        oracle_begin(EVENT_INTERRUPT);
}

void oracle_input(const char *text)
{
    oracle_begin(EVENT_INPUT);
    if (racing)
        return;
    now->typed = text;
    now->irq = vcon_input.irq == NULL ? UNKNOWN : load_object(&vcon_input.irq->obj);
    if (!load_complete(before))
        oracle_begin(EVENT_INPUT);
}

/* ---- after ---- */

static void hit(struct model *m)
{
    if (now->irq == NOBODY)
        m->open = true;
    else if (now->irq == UNKNOWN)
        ;
    else if (m->object[now->irq].kind == K_SEM)
        model_sem_up(m, now->irq);
    else
        model_irq_hit(m, now->irq);
}

static void step(struct model *m)
{
    m->interrupted = now->event == EVENT_TICK || now->event == EVENT_INTERRUPT || now->event == EVENT_LOOK;
    if (m->cpus > 1)
        model_boxes(m);
    switch (now->event) {
    case EVENT_SYSCALL:
        model_syscall(m, &now->own.request);
        break;
    case EVENT_PAGE_FAULT:
        model_page_fault(m);
        break;
    case EVENT_EXCEPTION:
        model_exception(m, now->fault);
        break;
    case EVENT_TICK:
        model_tick(m, now->passed);
        break;
    case EVENT_INTERRUPT:
        hit(m);
        model_leave(m);
        break;
    case EVENT_INPUT:
        if (m->console.known ? model_console_type(&m->console, now->typed) : model_choose(2))
            hit(m);
        model_leave(m);
        break;
    case EVENT_LOOK:
        model_serve(m);
        model_leave(m);
        break;
    }
}

/* `before`, with whoever was met only now as he is now: nobody can have waited there. */
static void trial_begin(void)
{
    model_copy(trial, before);
    trial->world = &world;
    for (unsigned i = 0; i < after->threads; i++) {
        if (i < before->threads && (before->t[i].state != M_DEAD || after->t[i].state == M_DEAD))
            continue;
        trial->t[i] = after->t[i];
        trial->t[i].first = NOBODY;
        trial->open = trial->open || after->t[i].cpu != NOBODY; /* made while CPUs raced */
        trial->sender[i] = after->sender[i];
        trial->reply[i] = after->reply[i];
        trial->result[i].kind = R_NONE;
    }
    for (unsigned i = before->objects; i < after->objects; i++) {
        trial->object[i] = after->object[i];
        trial->object[i].first = NOBODY;
        trial->sender[MODEL_THREADS + i] = after->sender[MODEL_THREADS + i];
        trial->sender[MODEL_THREADS + i].queued = false;
        trial->sender[MODEL_THREADS + i].next = NOBODY;
    }
    trial->threads = after->threads > before->threads ? after->threads : before->threads;
    trial->objects = after->objects;
    trial->explicits = after->explicits;
    trial->words.of = NOBODY;
    model_console_begin();
    trial->ends_known = oracle_map_decides();
    for (unsigned i = 0; i < trial->threads; i++)
        trial->result[i] = (struct model_result){.kind = R_NONE};
}

/* Where does the thread stand among the ready ones now? Who was woken last stands first. */
static int place_of(int x)
{
    for (unsigned cpu = 0; x != NOBODY && cpu < after->cpus; cpu++) {
        int place = 1;

        for (int t = after->on[cpu].first; t != NOBODY; t = after->t[t].ready_next, place++)
            if (t == x)
                return place;
    }
    return 0;
}

/* Behind those whose end has woken somebody earlier. */
static void destroyed_add(int who)
{
    int wakes = who < MODEL_THREADS ? who : before->object[who - MODEL_THREADS].first;
    unsigned at = trial->destroyed_count++;

    now->place[who] = (int16_t)place_of(wakes);
    for (; at > 0 && now->place[trial->destroyed[at - 1]] < now->place[who]; at--)
        trial->destroyed[at] = trial->destroyed[at - 1];
    trial->destroyed[at] = (int16_t)who;
}

static void destroyed_find(void)
{
    trial->destroyed_count = 0;
    for (unsigned i = 0; i < before->threads; i++)
        if (~before->t[i].flags & after->t[i].flags & F_DELETED)
            destroyed_add((int)i);
    for (unsigned i = 0; i < before->objects; i++)
        if (before->object[i].kind != K_VOID && after->object[i].kind == K_VOID)
            destroyed_add((int)(MODEL_THREADS + i));
}

static uint64_t predicted, accepted, flights; /* events; of these: while somebody was on his way to a CPU */

/* ---- words of messages ---- */

/* Is the state area of a vCPU where message registers are? */
static bool area_in_utcb(const struct thread *t, const struct l4_utcb *u)
{
    const char *area = (const char *)t->vcpu, *utcb = (const char *)u;

    return area != NULL && area < utcb + sizeof *u && utcb < area + L4_VCPU_SIZE;
}

/* The kernel speaks for s: its fault (as it was, its registers may have been set since), or its registers. */
static bool kernel_words_differ(const struct thread *s, const word_t *mr, bool fault)
{
    const struct arch_frame *f = &s->arch.frame;

    if (fault)
        return (mr[0] & ~7ul) != (frame_fault_addr(f) & ~7ul) ||
               (mr[1] != frame_ip(f) && (mr[1] != s->fault[1] || load_thread(s) == now->self));
    return memcmp(mr, f, sizeof *f) != 0;
}

/* Has somebody else got a message into the same UTCB? */
static bool overwritten(int r)
{
    for (unsigned i = 0; i < trial->threads; i++) {
        const struct thread *a = load_thread_at(r), *b = load_thread_at((int)i);

        if ((int)i != r && trial->result[i].kind == R_MESSAGE && a != NULL && b != NULL && overlap(a, b))
            return true;
    }
    return false;
}

/* Has the thread that runs got an answer into the UTCB of x, which is another one (users may do that)? */
static bool answered_into(int x, const struct thread *t)
{
    const struct thread *self = now->self == NOBODY || now->self == x || now->event != EVENT_SYSCALL
                                    ? NULL : load_thread_at(now->self);

    return self != NULL && self->utcb != NULL && overlap(self, t);
}

/* Has r what s has sent? Only where both UTCBs are their own, and s has not received anything itself since. */
static bool words_differ(int s, int r)
{
    const struct thread *from = load_thread_at(s), *to = load_thread_at(r);
    unsigned words = l4_tag_words((l4_tag){trial->result[r].tag}), flags = before->t[s].flags | trial->t[s].flags;

    if (from == NULL || to == NULL || from->utcb == NULL || to->utcb == NULL || overlap(from, to) ||
        after->t[s].state == M_DEAD || area_in_utcb(to, to->utcb) ||
        area_in_utcb(to, from->utcb))
        return false;
    if (trial->result[r].kernel || flags & (F_KERNEL_IPC | F_ALIEN)) { /* certain, when it is still unanswered */
        unsigned kind = after->t[s].flags & F_KERNEL_IPC;
        long label = kind & F_FAULT ? L4_PROTO_PAGE_FAULT : L4_PROTO_EXCEPTION;

        return kind != 0 && after->t[s].state == M_RECEIVE && after->t[s].at == r &&
               l4_tag_label((l4_tag){trial->result[r].tag}) == label &&
               words == (kind & F_FAULT ? 2 : L4_EXC_WORDS) && !(flags & F_ALIEN) &&
               kernel_words_differ(from, to->utcb->mr, (kind & F_FAULT) != 0);
    }
    if (answered_into(s, from) || answered_into(r, to))
        return false;
    if (call_of(s) != NULL)
        return memcmp(to->utcb->mr, call_of(s)->mr, words * sizeof(word_t)) != 0;
    return trial->result[s].kind != R_MESSAGE && !overwritten(s) &&
           memcmp(to->utcb->mr, from->utcb->mr, words * sizeof(word_t)) != 0;
}

static const char *messages_differ(void)
{
    for (unsigned r = 0; r < trial->threads; r++)
        if (trial->result[r].kind == R_MESSAGE && trial->result[r].from != NOBODY &&
            words_differ(trial->result[r].from, (int)r) && !overwritten((int)r))
            return "the words of a message";
    return NULL;
}

/* What else an operation has answered. */
static const char *answers_differ(void)
{
    const struct model_words *a = &trial->words;
    const struct thread *t = a->of == NOBODY ? NULL : load_thread_at(a->of);

    if (t == NULL || t->utcb == NULL || trial->result[a->of].kind != R_LABEL || overwritten(a->of))
        return NULL;
    return memcmp(&t->utcb->mr[a->first], a->mr, a->count * sizeof(word_t)) == 0 ? NULL : "the words of an answer";
}

/* What was read at the console, and what was printed. */
static const char *console_differs(void)
{
    const struct thread *t = model_read.of == NOBODY ? NULL : load_thread_at(model_read.of);
    uint64_t printed = host_output_count() - now->printed;

    if (!trial->console.known)
        return NULL;
    if (printed != model_printed.length ||
        memcmp(host_output_last(model_printed.length), model_printed.text, model_printed.length) != 0)
        return "what was printed";
    if (t == NULL || t->utcb == NULL || trial->result[model_read.of].kind != R_LABEL || overwritten(model_read.of))
        return NULL;
    return memcmp(&t->utcb->mr[1], model_read.text, model_read.length) == 0 ? NULL : "what was read";
}

#define FLAGS_KEPT 0x200ul       /* interrupts are on, and nothing but these is the user's: */
#define FLAGS_USER 0xcd5ul

/* Registers that were loaded from a message or a state area, while nothing else has happened to them. */
static const char *registers_differ(void)
{
    for (unsigned i = 0; i < trial->threads; i++) {
        const struct thread *t = load_thread_at((int)i), *from;
        const struct l4_exc_regs *r = &now->vcpu;
        const struct arch_frame *f;
        unsigned flags = after->t[i].flags | before->t[i].flags; /* something else may have happened since */

        if (!trial->result[i].registers || t == NULL || (after->t[i].flags & F_KERNEL_IPC) ||
            (flags & (F_AFTER | F_TRIGGER | F_PASS)) ||
            (trial->result[i].from != NOBODY && (after->t[i].flags & F_VCPU)) || after->t[i].state == M_DEAD)
            continue;
        from = trial->result[i].from == NOBODY ? NULL : load_thread_at(trial->result[i].from);
        if (from == NULL && trial->result[i].from != NOBODY)
            continue;
        if (from != NULL)
            r = (const struct l4_exc_regs *)(call_of(trial->result[i].from) != NULL ? call_of(trial->result[i].from)->mr
                                                                                    : from->utcb->mr);
        if (from != NULL && trial->result[trial->result[i].from].kind == R_MESSAGE)
            continue; /* its registers are another message's now */
        f = &t->arch.frame;
        if (f->r15 != r->r15 || f->r14 != r->r14 || f->r13 != r->r13 || f->r12 != r->r12 || f->r10 != r->r10 ||
            f->r9 != r->r9 || f->r8 != r->r8 || f->rdi != r->rdi || f->rsi != r->rsi || f->rbp != r->rbp ||
            f->rbx != r->rbx || f->rdx != r->rdx || f->rax != r->rax || f->ip != r->ip || f->sp != r->sp ||
            (f->flags & FLAGS_USER) != (r->flags & FLAGS_USER) || (f->flags & 0x3000) || !(f->flags & FLAGS_KEPT))
            return "registers that were loaded";
    }
    return NULL;
}

void oracle_summary(void)
{
    uint64_t operations, items, unsure;

    oracle_map_counts(&operations, &items, &unsure);
    printf("sim: %lu events as the model says, %lu that it does not decide; %lu maps, unmaps and creations, "
           "%lu items, %lu of them not decided\n", (unsigned long)predicted, (unsigned long)accepted,
           (unsigned long)operations, (unsigned long)items, (unsigned long)unsure);
    if (sim.cpus > 1)
        printf("sim: %lu events while a message between CPUs was on its way\n", (unsigned long)flights);
}

static bool in_flight(const struct model *m)
{
    for (unsigned i = 0; i < m->cpus; i++)
        if (m->on[i].box != NOBODY || m->on[i].guests != NOBODY)
            return true;
    return false;
}

static const char *try_all(void)
{
    const char *wrong = NULL;

    model_choices_begin();
    do {
        trial_begin();
        destroyed_find();
        now->transfers = now->foreseen = 0;
        if (!trial->open)
            step(trial);
        if (trial->open)
            return NULL;
        const char *w = load_differs(trial, after);

        w = w == NULL ? registers_differ() : w;
        if (w == NULL)
            return NULL;
        wrong = wrong == NULL ? w : wrong;
    } while (model_choices_next());
    return wrong;
}

/* State areas of vCPUs that lie where somebody's UTCB is may have changed in the event itself. */
static bool upcalls_unsure(void)
{
    bool some = false;

    for (unsigned i = 0; i < before->threads; i++) {
        const struct thread *t = before->t[i].flags & F_VCPU ? load_thread_at((int)i) : NULL;

        for (unsigned n = 0; t != NULL && n < before->threads; n++) {
            const struct thread *other = load_thread_at((int)n);

            if (other != NULL && other->utcb != NULL && (char *)t->vcpu < (char *)(other->utcb + 1) &&
                (char *)other->utcb < (char *)t->vcpu + L4_VCPU_SIZE) {
                before->upcalls[i] = UPCALLS_UNSURE;
                some = true;
            }
        }
    }
    return some;
}

/* Who has ended and had run says so in his UTCB, unless that is the state area of a vCPU, too. */
static const char *markers_differ(void)
{
    for (unsigned i = 0; i < before->threads; i++) {
        const struct l4_utcb *utcb = now->utcb[i];
        const struct task *task = heap_pointer(before->t[i].task);
        bool shared = false;

        if (utcb == NULL || after->t[i].state != M_DEAD || before->t[i].cpu == NOBODY ||
            !host_live(task) || task->obj.dead || utcb->free_marker == 0)
            continue; /* or its memory may be nobody's any more */
        for (unsigned n = 0; n < after->threads; n++) {
            const struct thread *t = after->t[n].flags & F_VCPU ? load_thread_at((int)n) : NULL;

            shared = shared || (t != NULL && (const char *)t->vcpu < (const char *)(utcb + 1) &&
                                (const char *)utcb < (const char *)t->vcpu + L4_VCPU_SIZE);
        }
        if (!shared)
            return "the UTCB of a thread that has ended";
    }
    return NULL;
}

/* A message that was on its way may have come first, into a UTCB that is also that of the thread that runs: then nobody
 * knows what it has asked for. */
static bool request_unsure(void)
{
    const struct thread *self = now->event != EVENT_SYSCALL ? NULL : load_thread_at(now->self);

    for (unsigned i = 0; self != NULL && self->utcb != NULL && in_flight(before) && i < before->threads; i++) {
        const struct thread *t = load_thread_at((int)i);

        if ((int)i != now->self && t != NULL && t->utcb != NULL && overlap(self, t))
            return true;
    }
    return false;
}

/* Has somebody ended who should not? */
static const char *ends_differ(void)
{
    bool expected = now->transfers == now->foreseen;

    destroyed_find();
    for (unsigned i = 0; expected && oracle_map_decides() && i < trial->destroyed_count; i++)
        if (!oracle_map_ended(load_kobj(trial->destroyed[i])))
            return "an object that has ended";
    return NULL;
}

/* A window (preempt.h) in which nothing happens makes no difference, but for operations that end whoever makes them, or
 * take away what they were asked through, or a task that they work on: that is found out when they go on. */
static bool window_unsure(void)
{
    const struct call *own = &now->own;
    const struct thread *self = load_thread_at(now->self);
    struct model_target to;

    for (unsigned i = 0; windows() && i < before->threads; i++) {
        const struct thread *t = load_thread_at((int)i);

        if (before->t[i].state != M_DEAD && (t == NULL || (t->flags & THREAD_GONE)))
            return true;
        if (t != NULL && t->task != NULL && t->task->obj.dead)
            return true;
    }
    if (!windows() || now->event != EVENT_SYSCALL || self == NULL || self->task == NULL)
        return false;
    to = target_of(self, own->request.dest & ~L4_OP_MASK);
    return !target_same(&to, &own->target);
}

const char *oracle_compare(void)
{
    const char *wrong;
    struct model *old = before;

    do { /* the model may ask for somebody who was not known */
        now->kept = now->kept == after ? NULL : now->kept;
        load(after);
        wrong = try_all();
        if (wrong != NULL && upcalls_unsure())
            wrong = try_all();
        if (now->halfway || halfway(false) ||
            (wrong != NULL && (request_unsure() || window_unsure() || now->dying || halfway(true)))) {
            wrong = NULL;
            trial->open = true;
            oracle_map_nothing();
        }
    } while (!load_complete(after));
    wrong = wrong == NULL ? now->wrong : wrong;
    if (wrong == NULL && now->event == EVENT_SYSCALL)
        wrong = oracle_map_end(now->inject && frame_fail_countdown == 0);
    if (wrong == NULL && !trial->open)
        wrong = messages_differ();
    if (wrong == NULL && !trial->open)
        wrong = answers_differ();
    if (wrong == NULL && !trial->open)
        wrong = console_differs();
    if (wrong == NULL && !trial->open && now->transfers > 0 && now->transfers == now->foreseen)
        wrong = oracle_map_messages_end(now->transfers, now->moved_error,
                                        (now->receiver[0] >= 0 && overwritten(now->receiver[0]) ? 1u : 0u) |
                                        (now->transfers > 1 && overwritten(now->receiver[1]) ? 2u : 0u));
    if (wrong == NULL && !trial->open)
        wrong = ends_differ();
    wrong = wrong == NULL ? markers_differ() : wrong;
    if (wrong != NULL && window_unsure()) {
        wrong = NULL;
        trial->open = true;
    }
    difference = wrong;
    if (wrong != NULL)
        return wrong;
    flights += in_flight(before);
    accepted += trial->open;
    predicted += !trial->open;
    after->console = trial->open ? before->console : trial->console;
    if (trial->open && (now->own.target.kind == K_LOG || now->event == EVENT_INPUT))
        after->console.known = false;
    before = after;
    after = old;
    known = true;
    return NULL;
}

void oracle_explain(void)
{
    const struct call *own = &now->own;
    const struct model_message *msg = &own->message;

    model_choices_begin(); /* the first way it could have gone */
    trial_begin();
    destroyed_find();
    step(trial);
    load_differs(trial, after);
    fprintf(stderr, "sim: kernel and model differ in %s; event %d of thread %d\n", difference, (int)now->event,
            now->self);
    oracle_map_explain();
    if (now->event == EVENT_SYSCALL)
        fprintf(stderr, "sim:   message %lx %lx to %u %d rights %x, item %u %u %d rights %x\n", own->mr[0], own->mr[1],
                own->target.kind, own->target.index, own->target.rights, msg->item, msg->argument.kind,
                msg->argument.index, msg->argument.rights);
    for (unsigned i = 0; i < now->others; i++)
        fprintf(stderr, "sim:   call of %d: dest %lx tag %lx message %lx %lx\n", now->other[i].self,
                now->other[i].request.dest, now->other[i].request.tag, now->other[i].mr[0], now->other[i].mr[1]);
    destroyed_find();
    for (unsigned i = 0; i < trial->destroyed_count; i++) {
        const struct kobj *obj = load_kobj(trial->destroyed[i]);

        fprintf(stderr, "sim:   %d has ended, an object of type %x%s\n", trial->destroyed[i],
                obj == NULL || !host_live(obj) ? 0 : obj->type,
                oracle_map_ended(obj) ? "" : ": the model does not say so");
    }
    load_explain(before, trial, after);
}

void oracle_end(void)
{
    if (racing || oracle_compare() == NULL)
        return;
    oracle_explain();
    kpanic("the kernel and the model differ", __FILE__, __LINE__);
}
