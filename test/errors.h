/* SPDX-License-Identifier: MIT */
/*
 * Every operation of the kernel with every error that ops.def lists for it, the same on the machine (root/errors.c) and
 * on arch/host (unit/errors.c): for each row missing rights, short messages, unknown codes and protocols, objects that
 * are gone; then what errors.def provokes. A pair that nobody provoked is a failure.
 *
 * Who includes this after tap.h supplies, for the root thread:
 *   utcb(), invoke()         the UTCB; a system call, in which the agents may run
 *   agents                   threads more important than root, see agent_does
 *   PAGE_MINE, ON_HOST       address of a page of memory; there are no segments
 *   STATE_HERE, now()        the page at STATE as the test sees it; the time
 *   time_passes()            some milliseconds
 *   modify_meanwhile()       two threads change the labels of the same senders
 */
#pragma once
#include <l4/trampoline.h>
#include <l4/vcpu.h>
#include <stdbool.h>

enum {
    THREAD = 0x40, /* not bound */
    TASK,
    GATE, /* of no thread */
    IRQ,
    SEM,
    IRQ_2,
    POOR,      /* a factory with next to nothing */
    POOR_TASK, /* what it paid for */
    BOUND,     /* a thread that is bound and not started */
    BUSY,      /* a thread that is started and has no CPU: it never receives */
    GATE_DEAD, /* of a thread that is deleted */
    GATE_2,
    AGENT, /* and the next two */
    THREAD_W = 0x50, /* copies without S or W */
    TASK_W,
    IRQ_S,
    NEW = 0x58,
    NEW_2,
    PLAIN, /* copies of what the rows are about, with R only */
    PLAIN_LAST = 0x6f,
    MANY = 0x100,
    AT_EMPTY = 0x4444,
    ITEM_MEMORY = 0x100000, /* in place of a slot: an item that is memory, empty, of no type, … */
    ITEM_VOID,
    ITEM_NO_TYPE,
    ITEM_PAGE,
    ITEM_BEHIND
};

#define KU_AREA 0x6000000000ul /* 16 pages: UTCBs in the first */
#define KU_END (KU_AREA + 0x10000)
#define UTCB_FREE (KU_AREA + 0x2000)
#define STATE (KU_AREA + 0x1000)
#define PAGE_AT 0x5000000000ul
#define PAGE_ITEM (PAGE_AT | L4_ITEM_MAP)
#define PAGE_FPAGE l4_fpage_make(L4_FPAGE_MEM, PAGE_MINE >> 12, 12, 7).raw
#define CONTROL_BIND (L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK)
#define RESUME L4_OP_THREAD_VCPU_RESUME
#define TRAMPOLINE(function) (L4_OP_THREAD_TRAMPOLINE | (word_t)(function) << 16)
#define OPEN (L4_OP_RECV | L4_OP_OPEN_WAIT)
#define ASK (L4_OP_SEND | L4_OP_RECV)
#define MILLISECOND (10u << 10 | 1u)
#define IPC_ERROR 0x10000l

static const l4_tag no_words;

/* The label, or IPC_ERROR | the error. */
static long outcome_at(const struct l4_utcb *u, l4_tag tag)
{
    return l4_tag_error(tag) ? IPC_ERROR | (long)u->error : l4_tag_label(tag);
}

static long outcome(l4_tag tag) { return outcome_at(utcb(), tag); }

static word_t ku_fpage(word_t page, unsigned order) { return l4_fpage_make(L4_FPAGE_MEM, page, order, 6).raw; }

/* An item at mr: a slot, or one of ITEM_*. */
static void item_put(struct l4_utcb *u, unsigned mr, word_t item)
{
    u->mr[mr] = item == ITEM_VOID || item == ITEM_NO_TYPE ? 0 : L4_ITEM_MAP;
    u->mr[mr + 1] = item < ITEM_MEMORY ? l4_fpage_make(L4_FPAGE_OBJ, item, 0, 15).raw : ku_fpage(5, 12);
    if (item == ITEM_NO_TYPE)
        u->mr[mr] = 2;
    if (item == ITEM_PAGE) {
        u->mr[mr] = PAGE_ITEM;
        u->mr[mr + 1] = PAGE_FPAGE;
    }
}

/* A call with three words (the rest is 0) and an item. */
static long op(word_t slot, long proto, word_t item, unsigned words, word_t w0, word_t w1, word_t w2)
{
    struct l4_utcb *u = utcb();

    for (unsigned i = 3; i < words; i++)
        u->mr[i] = 0;
    u->mr[0] = w0;
    u->mr[1] = w1;
    u->mr[2] = w2;
    if (item != 0)
        item_put(u, words, item);
    return outcome(invoke(SEL(slot) | ASK, l4_tag_make(proto, words, item != 0, 0), NULL, 0));
}

static void drop(word_t slot)
{
    op(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF | L4_UNMAP_DELETE,
       l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw);
}

/* rights: of slots, and L4_OBJ_*. */
static void copy_to(word_t from, word_t to, unsigned rights)
{
    op(L4_SLOT_TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, SEL(to) | L4_ITEM_MAP | (rights & 0xf0u),
       l4_fpage_make(L4_FPAGE_OBJ, from, 0, rights & 15u).raw);
}

static long create_at(word_t slot, word_t factory, long proto, word_t argument, unsigned words, word_t item)
{
    utcb()->bdr = 0;
    utcb()->br[0] = SEL(slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    return op(factory, L4_PROTO_FACTORY, item, words, (word_t)proto, 1, argument);
}

static long create_by(word_t factory, long proto, word_t argument, unsigned words, word_t item)
{
    return create_at(NEW, factory, proto, argument, words, item);
}

static void make(word_t slot, long proto) { create_at(slot, L4_SLOT_FACTORY, proto, 0, 3, 0); }

static long create_without_buffer(word_t item, word_t window)
{
    utcb()->bdr = 0;
    utcb()->br[0] = item;
    utcb()->br[1] = window;
    return op(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 1, (word_t)L4_PROTO_THREAD, 0, 0);
}

/* ---- threads ---- */

static long control(word_t slot, word_t task, word_t its_utcb)
{
    for (unsigned i = 1; i < 5; i++)
        utcb()->mr[i] = 0;
    utcb()->mr[0] = CONTROL_BIND;
    utcb()->mr[5] = its_utcb;
    item_put(utcb(), 6, task);
    return outcome(invoke(SEL(slot) | ASK, l4_tag_make(L4_PROTO_THREAD, 6, 1, 0), NULL, 0));
}

static long run(word_t thread, word_t prio, word_t bytes, unsigned words)
{
    struct l4_utcb *u = utcb();

    u->mr[0] = L4_OP_SCHED_RUN_THREAD;
    u->mr[1] = 0;
    u->mr[2] = 1;
    u->mr[3] = prio;
    u->mr[4] = bytes;
    u->mr[5] = u->mr[6] = 0;
    if (thread != 0)
        item_put(u, words, thread);
    return outcome(invoke(SEL(L4_SLOT_SCHEDULER) | ASK, l4_tag_make(L4_PROTO_SCHEDULER, words, thread != 0, 0),
                          NULL, 0));
}

/* The root thread as a vCPU: only errors come back. */
static long vcpu_resume(word_t task, word_t item)
{
    struct l4_vcpu *v = STATE_HERE;

    op(L4_SLOT_THREAD, L4_PROTO_THREAD, 0, 2, L4_OP_THREAD_VCPU_CONTROL, STATE, 0);
    v->saved_state = L4_VCPU_USER_MODE;
    v->user_task = SEL(task);
    return op(L4_SLOT_THREAD, L4_PROTO_THREAD, item, 1, RESUME, 0, 0);
}

static long vcpu_resume_deleted(void)
{
    make(NEW, L4_PROTO_TASK);
    vcpu_resume(NEW, ITEM_NO_TYPE);
    drop(NEW);
    return op(L4_SLOT_THREAD, L4_PROTO_THREAD, ITEM_PAGE, 1, RESUME, 0, 0);
}

/* The registration ends with its thread. */
static long delete_irq_after(word_t first, word_t second)
{
    make(NEW, L4_PROTO_THREAD);
    if (op(NEW, L4_PROTO_THREAD, first, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0) != 0)
        return 1;
    return op(NEW, L4_PROTO_THREAD, second, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0);
}

static long icu_bind_after(word_t first, word_t second, word_t pin)
{
    if (op(L4_SLOT_ICU, L4_PROTO_IRQ, first, 2, L4_OP_ICU_BIND, pin, 0) != 0)
        return 1;
    long answer = op(L4_SLOT_ICU, L4_PROTO_IRQ, second, 2, L4_OP_ICU_BIND, pin, 0);
    op(L4_SLOT_ICU, L4_PROTO_IRQ, first, 2, L4_OP_ICU_UNBIND, pin, 0);
    return answer;
}

/* ---- waiting: an agent does it, and something happens to it ---- */

static void cancel(word_t thread)
{
    op(thread, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul);
}

static void agent_cancel(void) { cancel(AGENT); }

static long sem_down(unsigned timeout)
{
    utcb()->mr[0] = L4_OP_SEM_DOWN;
    return outcome(invoke(SEL(SEM) | ASK, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0), NULL, timeout));
}

static long sem_wait(unsigned timeout, void (*event)(void))
{
    agent_utcb(0)->mr[0] = L4_OP_SEM_DOWN;
    agent_does(0, SEL(SEM) | ASK, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0), timeout);
    event();
    return agent_answer(0);
}

static void sem_delete(void) { drop(SEM); }
static void gate_delete(void) { drop(GATE_2); }
static void busy_delete(void) { drop(BUSY); }

static long send_to(word_t slot, word_t item)
{
    if (item != 0)
        item_put(utcb(), item == ITEM_BEHIND ? 61 : 0, item);
    return outcome(invoke(SEL(slot) | L4_OP_SEND, l4_tag_make(0, item == ITEM_BEHIND ? 62 : 0, item != 0, 0), NULL,
                          L4_TIMEOUT_ZERO << 16));
}

static long agent_sends(word_t slot, unsigned timeout, void (*event)(void))
{
    agent_utcb(0)->br[3] = now() + 1000;
    agent_does(0, SEL(slot) | L4_OP_SEND, no_words, timeout << 16);
    event();
    return agent_answer(0);
}

static long agent_receives(word_t dest, unsigned timeout, void (*event)(void))
{
    agent_does(0, dest, no_words, timeout);
    event();
    return agent_answer(0);
}

/* The agent waits: 0 without a buffer, 1 with one for pages, 2 with one for pages of the task without quota. */
static void agent_buffers(unsigned kind)
{
    struct l4_utcb *u = agent_utcb(0);

    u->bdr = 0;
    u->br[0] = kind == 0 ? 0 : kind == 1 ? L4_ITEM_MAP : L4_ITEM_MAP | L4_RCV_FORWARD;
    u->br[1] = L4_FPAGE_ALL;
    u->br[2] = kind == 2 ? SEL(POOR_TASK) : 0;
    u->br[3] = 0;
}

static long send_to_agent(unsigned kind, word_t item)
{
    agent_buffers(kind);
    agent_does(0, L4_SEL_INVALID | OPEN, no_words, 0);
    return send_to(AGENT, item);
}

static long reply(word_t selector)
{
    return outcome(invoke(selector | L4_OP_REPLY | L4_OP_SEND, no_words, NULL, L4_TIMEOUT_ZERO << 16));
}

static void reply_once(void) { reply(L4_SEL_INVALID); }

/* The agent, with such buffers, calls root; event; root replies. */
static long reply_after(unsigned buffers, void (*event)(void), word_t item)
{
    agent_buffers(buffers);
    agent_does(0, SEL(L4_SLOT_THREAD) | ASK, no_words, 0);
    utcb()->bdr = utcb()->br[0] = 0;
    invoke(L4_SEL_INVALID | OPEN, no_words, NULL, L4_TIMEOUT_ZERO);
    if (event != NULL)
        event();
    if (item == 0)
        return reply(L4_SEL_INVALID);
    item_put(utcb(), 0, item);
    return outcome(invoke(L4_SEL_INVALID | L4_OP_REPLY | L4_OP_SEND, l4_tag_make(0, 0, 1, 0), NULL,
                          L4_TIMEOUT_ZERO << 16));
}

/* One agent accepts the call of the other in reply slot 5 of the task; root is not whom the caller waits for. */
static long reply_for_another(void)
{
    agent_does(1, SEL(5) | L4_SEL_REPLY | OPEN, no_words, 0);
    agent_does(0, SEL(AGENT + 1) | ASK, no_words, 0);
    return reply(SEL(5) | L4_SEL_REPLY);
}

/* ---- the list ---- */

static const struct row {
    const char *object, *name;
    long proto;
    word_t code;
    unsigned right, words;
    int too_short;
    const char *errors;
} rows[] = {
#define L4_OP(object, proto, name, code, right, words, short, handler, errors)                                         \
    {#object, #name, proto, code, right, words, -L4_ERR_##short, errors},
#define L4_OP_ABSENT(object, proto, name, code) {#object, #name, proto, code, 0, 0, 0, ""},
#define L4_OP_IPC(name, errors) {"IPC", #name, 0, 0, 0, 0, 0, errors},
#include <l4/ops.def>
};

static const struct error {
    const char *name;
    long answer;
} errors[] = {
#define L4_IPC_ERROR(name, code, text) {#name, IPC_ERROR | (code)},
#define L4_ERROR(name, code, text) {#name, -(code)},
#include <l4/errors.def>
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b)
        a++, b++;
    return *a == *b;
}

/* Position of the word in a list of words with blanks between; -1: it is not there. */
static int word_in(const char *list, const char *word)
{
    for (int n = 0; *list != '\0'; n++) {
        const char *w = word;

        while (*w != '\0' && *list == *w)
            list++, w++;
        if (*w == '\0' && (*list == ' ' || *list == '\0'))
            return n;
        while (*list != '\0' && *list++ != ' ')
            ;
    }
    return -1;
}

static unsigned provoked[COUNT(rows)]; /* bit n: the n-th error of the row */

static void result(bool passed, const char *object, const char *name, const char *what, const char *how)
{
    tap_printf("%s %u - %s %s: %s%s%s\n", passed ? "ok" : "not ok", ++tap_count, object, name, what,
               how[0] != '\0' ? ", " : "", how);
    tap_failed += !passed;
}

/* Segments exist on the machine only. */
static bool elsewhere(const struct row *r)
{
    return ON_HOST && same(r->object, "THREAD") && (same(r->name, "GDT") || same(r->name, "SET_BASE"));
}

static const struct row *row_of(const char *object, const char *name)
{
    for (unsigned i = 0; i < COUNT(rows); i++)
        if (same(rows[i].object, object) && same(rows[i].name, name))
            return &rows[i];
    return NULL;
}

static long answer_of(const char *error)
{
    for (unsigned i = 0; i < COUNT(errors); i++)
        if (same(errors[i].name, error))
            return errors[i].answer;
    return 0;
}

static void provoke(const char *object, const char *name, const char *error, const char *how, long got)
{
    const struct row *r = row_of(object, name);
    long want = answer_of(error);
    int n = r == NULL ? -1 : word_in(r->errors, error);
    bool listed = n >= 0 || (r != NULL && want == r->too_short);

    if (r != NULL && elsewhere(r))
        return;
    result(got == want && want != 0 && listed, object, name, error, how);
    if (got != want)
        tap_printf("#   got %ld, expected %ld\n", got, want);
    else if (!listed)
        tap_printf("#   which ops.def does not list\n");
    else if (n >= 0)
        provoked[r - rows] |= 1u << n;
}

static void test_errors(void)
{
#define PROVOKE(object, name, error, how, expression) provoke(#object, #name, #error, how, expression);
#include "errors.def"
}

static void test_complete(void)
{
    for (unsigned i = 0; i < COUNT(rows); i++) {
        unsigned count = rows[i].errors[0] != '\0';

        for (const char *c = rows[i].errors; *c != '\0'; c++)
            count += *c == ' ';
        if (!elsewhere(&rows[i]))
            result(provoked[i] == (1u << count) - 1, rows[i].object, rows[i].name, "every error was provoked",
                   rows[i].errors);
    }
}

/* ---- every row: rights, words, codes, protocols, and an object that is gone ---- */

/* Where an object of the kind is. */
static const struct place {
    const char *object;
    word_t slot;
    long proto; /* one that it speaks */
    bool wide;  /* the whole first word is the code */
    bool ipc;   /* what it does not know is a message for a thread */
    bool boot;  /* it is never deleted here */
    int empty;  /* the answer to a message without words */
} places[] = {
    {"THREAD", THREAD, L4_PROTO_THREAD, false, true, false, -L4_ERR_MSGTOOSHORT},
    {"TASK", TASK, L4_PROTO_TASK, true, false, false, -L4_ERR_INVAL},
    {"GATE", GATE, L4_PROTO_KOBJECT, true, true, false, -L4_ERR_INVAL},
    {"IRQ", IRQ, L4_PROTO_IRQ_SENDER, false, false, false, -L4_ERR_INVAL},
    {"SEM", SEM, L4_PROTO_SEMAPHORE, false, false, false, -L4_ERR_INVAL},
    {"FACTORY", POOR, L4_PROTO_FACTORY, true, false, false, -L4_ERR_MSGTOOSHORT},
    {"ICU", L4_SLOT_ICU, L4_PROTO_IRQ, true, false, true, -L4_ERR_MSGTOOSHORT},
    {"ICU", L4_SLOT_LOG, L4_PROTO_IRQ, true, false, true, -L4_ERR_MSGTOOSHORT},
    {"ICU", L4_SLOT_SCHEDULER, L4_PROTO_IRQ, true, false, true, -L4_ERR_MSGTOOSHORT},
    {"PLATFORM", L4_SLOT_ICU, L4_PROTO_NONE, true, false, true, -L4_ERR_MSGTOOSHORT},
    {"SCHED", L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, true, false, true, -L4_ERR_MSGTOOSHORT},
    {"VCON", L4_SLOT_LOG, L4_PROTO_LOG, false, false, true, -L4_ERR_MSGTOOSHORT},
};

/* A call with the code and words whose values nobody would use. */
static long try(word_t slot, long proto, word_t code, unsigned words)
{
    struct l4_utcb *u = utcb();

    u->bdr = 0;
    u->br[0] = SEL(NEW) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    for (unsigned i = 0; i < L4_MR_COUNT; i++)
        u->mr[i] = 0xdead0000 + i;
    u->mr[0] = code;
    return outcome(invoke(SEL(slot) | ASK, l4_tag_make(proto, words, 0, 0), NULL,
                          L4_TIMEOUT_ZERO | L4_TIMEOUT_ZERO << 16));
}

/* As try; no message register changes. */
static bool answers(word_t slot, long proto, word_t code, unsigned words, long wanted)
{
    bool right = try(slot, proto, code, words) == wanted;

    for (unsigned i = 1; i < L4_MR_COUNT; i++)
        right &= utcb()->mr[i] == 0xdead0000 + i;
    return right && utcb()->mr[0] == code;
}

static void test_row(const struct row *r, const struct place *p)
{
    bool create = r->proto == L4_PROTO_FACTORY; /* its first word is no code, but what to create */
    bool trigger = r->proto == L4_PROTO_IRQ && (same(r->object, "IRQ") || same(r->object, "SEM")); /* without words */
    word_t weak = PLAIN + (word_t)(p - places);

    if (r->words == 0) {
        result(answers(p->slot, r->proto, r->code, 10, -L4_ERR_NOSYS), r->object, r->name, "NOSYS", "");
        return;
    }
    if (r->right != 0)
        result(answers(weak, r->proto, r->code, r->words, -L4_ERR_PERM), r->object, r->name, "PERM",
               "without the right");
    if (!trigger)
        result(answers(p->slot, r->proto, r->code, r->words - 1, r->too_short), r->object, r->name, "too short", "");
    if (!create && p->wide)
        result(answers(p->slot, r->proto, r->code | 1ul << 32, 10, -L4_ERR_NOSYS), r->object, r->name, "NOSYS",
               "the code is the whole word");
}

static void test_place(const struct place *p)
{
    int unknown = p->proto == L4_PROTO_FACTORY ? -L4_ERR_NODEV : -L4_ERR_NOSYS;

    result(outcome(invoke(SEL(p->slot) | ASK, l4_tag_make(p->proto, 0, 0, 0), NULL, 0)) == p->empty, p->object, "",
           "no words", "");
    result(answers(p->slot, p->proto, 0x7fff, 10, unknown), p->object, "", "no such code", "");
    if (!p->ipc)
        result(answers(p->slot, -77, 0, 10, -L4_ERR_BADPROTO), p->object, "", "no such protocol", "");
}

/* The object is deleted: each of its operations is told so, through every capability. */
static void test_gone(const struct row *r, const struct place *p)
{
    if (!p->boot)
        result(answers(p->slot, r->proto, r->code, 10, IPC_ERROR | L4_IPC_NOT_EXISTENT) &&
                   answers(PLAIN + (word_t)(p - places), r->proto, r->code, 10, IPC_ERROR | L4_IPC_NOT_EXISTENT),
               r->object, r->name, "NOT_EXISTENT", "the object is deleted");
}

static void for_each_row(void (*body)(const struct row *, const struct place *))
{
    for (unsigned i = 0; i < COUNT(rows); i++) {
        bool known = same(rows[i].object, "IPC");

        for (unsigned k = 0; k < COUNT(places); k++)
            if (same(places[k].object, rows[i].object)) {
                body(&rows[i], &places[k]);
                known = true;
            }
        if (!known)
            result(false, rows[i].object, rows[i].name, "an object that this test does not know", "");
    }
}

static void errors_set_up(void)
{
    op(L4_SLOT_TASK, L4_PROTO_TASK, 0, 2, L4_OP_TASK_ADD_KU_MEM, ku_fpage(KU_AREA >> 12, 16), 0);
    create_at(POOR, L4_SLOT_FACTORY, L4_PROTO_FACTORY, 65536, 3, 0);
    create_at(POOR_TASK, POOR, L4_PROTO_TASK, 0, 3, 0);
    for (unsigned i = 0; i < 200; i++) /* until it is poor */
        create_at(MANY + i, POOR, L4_PROTO_THREAD, 0, 3, 0);
    make(THREAD, L4_PROTO_THREAD);
    make(TASK, L4_PROTO_TASK);
    make(GATE, L4_PROTO_NONE);
    make(GATE_2, L4_PROTO_NONE);
    make(IRQ, L4_PROTO_IRQ_SENDER);
    make(IRQ_2, L4_PROTO_IRQ_SENDER);
    make(SEM, L4_PROTO_SEMAPHORE);
    make(BOUND, L4_PROTO_THREAD);
    control(BOUND, L4_SLOT_TASK, UTCB_FREE);
    make(BUSY, L4_PROTO_THREAD);
    control(BUSY, L4_SLOT_TASK, UTCB_FREE + L4_UTCB_SIZE);
    op(BUSY, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0, 0);
    make(NEW, L4_PROTO_THREAD);
    create_at(GATE_DEAD, L4_SLOT_FACTORY, L4_PROTO_NONE, 0, 3, NEW);
    drop(NEW);
    copy_to(THREAD, THREAD_W, L4_RIGHT_R | L4_RIGHT_W);
    copy_to(TASK, TASK_W, L4_RIGHT_R | L4_RIGHT_W);
    copy_to(IRQ, IRQ_S, L4_RIGHT_R | L4_RIGHT_S);
    for (unsigned k = 0; k < COUNT(places); k++)
        copy_to(places[k].slot, PLAIN + k, L4_RIGHT_R | L4_OBJ_SERVER);
}

static void test_all(void)
{
    errors_set_up();
    for_each_row(test_row);
    for (unsigned k = 0; k < COUNT(places); k++)
        test_place(&places[k]);
    test_errors();
    test_complete();
    for (unsigned k = 0; k < COUNT(places); k++)
        if (!places[k].boot)
            drop(places[k].slot);
    for_each_row(test_gone);
}
