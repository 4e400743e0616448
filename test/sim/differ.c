/* SPDX-License-Identifier: MIT */
/* How the state that the model expects differs from that of the kernel. */
#include "load.h"
#include <l4/vcpu.h>
#include <stdio.h>
#include <string.h>

/* What has no meaning in this state is 0. */
static void normalise(struct model_thread *t)
{
    bool sends = t->state == M_SEND || t->rest == REST_LATER;

    if (!sends)
        t->ipc = (struct model_ipc){.slot = t->state == M_WAIT ? t->ipc.slot : 0};
    if (!model_keeps_request(t))
        t->request = (struct model_request){0};
    if (t->rest != REST_ANSWERED)
        t->answer = 0;
    if (t->state == M_DEAD)
        *t = (struct model_thread){.state = M_DEAD, .flags = t->flags & F_DELETED, .at = NOBODY, .first = t->first,
                                   .held_by = NOBODY,
                                   .ready_next = NOBODY, .cpu = t->cpu};
}

static const char *thread_differs(const struct model_thread *a, const struct model_thread *b)
{
    if (a->state != b->state)
        return "the state of a thread";
    if (a->at != b->at)
        return "whom a thread waits for";
    if (a->rest != b->rest || a->answer != b->answer)
        return "what a thread has to do next";
    if (a->flags != b->flags)
        return "the flags of a thread";
    if (a->first != b->first)
        return "a queue of senders";
    if (a->held_by != b->held_by)
        return "which reply capability names a caller";
    if (a->cpu != b->cpu || a->prio != b->prio || a->ready_next != b->ready_next)
        return "a ready queue";
    if (a->deadline != b->deadline)
        return "a time-out";
    return a->quantum != b->quantum || a->left != b->left ? "a time slice" : "a waiting message";
}

/* Has another thread, with the same UTCB (users may do that), got a result as well, or its exception has? */
static bool utcb_shared(const struct model *m, unsigned x)
{
    for (unsigned i = 0; i < m->threads; i++)
        if (i != x && (m->result[i].kind != R_NONE || m->t[i].rest == REST_ANSWERED) &&
            load_thread_at((int)i) != NULL && load_thread_at((int)i)->utcb == load_thread_at((int)x)->utcb)
            return true;
    return false;
}

/* The registers of a thread whose operation has ended. */
static const char *result_differs(const struct model_result *r, const struct thread *t, bool shared)
{
    l4_tag tag = {r->upcall ? t->vcpu->ipc.tag : frame_tag(&t->arch.frame)};
    word_t label = r->upcall ? t->vcpu->ipc.label : frame_label(&t->arch.frame);

    switch (r->kind) {
    case R_ERROR:
        return l4_tag_error(tag) && (shared || t->utcb->error == r->error) ? NULL : "an IPC error";
    case R_LABEL:
        return !l4_tag_error(tag) && l4_tag_label(tag) == l4_tag_label((l4_tag){r->tag}) ? NULL : "an answer";
    case R_TAG:
        return tag.raw == r->tag ? NULL : "a result tag";
    case R_MESSAGE:
        return tag.raw == r->tag && label == r->label ? NULL : "the tag or label of a message";
    default:
        return NULL;
    }
}

const char *load_differs(struct model *expected, const struct model *seen)
{
    const char *wrong;

    for (unsigned i = 0; i < seen->threads; i++) {
        struct model_thread *t = &expected->t[i];

        normalise(t);
        if (t->state == M_DEAD && load_thread_at((int)i) == NULL)
            t->cpu = NOBODY;
        if (t->at == UNKNOWN && t->state == M_RECEIVE) /* he has become known in this event */
            t->at = seen->t[i].at;
        if (memcmp(t, &seen->t[i], sizeof *t) != 0)
            return thread_differs(t, &seen->t[i]);
        if (memcmp(&expected->reply[i], &seen->reply[i], sizeof seen->reply[i]) != 0)
            return "an implicit reply capability";
        if (expected->sender[i].queued &&
            memcmp(&expected->sender[i], &seen->sender[i], sizeof seen->sender[i]) != 0)
            return "the place of a thread in a queue";
        wrong = expected->result[i].kind == R_NONE || t->state == M_DEAD
                    ? NULL
                    : result_differs(&expected->result[i], load_thread_at((int)i), utcb_shared(expected, i));
        if (wrong != NULL)
            return wrong;
    }
    for (unsigned i = 0; i < seen->objects; i++) {
        expected->object[i].source = seen->object[i].source; /* the interrupt controller is not modelled */
        expected->object[i].level = seen->object[i].level;
        if (seen->object[i].kind != K_VOID && expected->object[i].kind != K_VOID &&
            (memcmp(&expected->object[i], &seen->object[i], sizeof seen->object[i]) != 0 ||
             memcmp(&expected->sender[MODEL_THREADS + i], &seen->sender[MODEL_THREADS + i],
                    sizeof seen->sender[i]) != 0))
            return seen->object[i].kind == K_GATE ? "a gate" : seen->object[i].kind == K_IRQ ? "an IRQ" : "a semaphore";
    }
    for (unsigned i = 0; i < seen->explicits; i++)
        if (memcmp(&expected->explicit[i], &seen->explicit[i], sizeof seen->explicit[i]) != 0)
            return "an explicit reply capability";
    for (unsigned i = 0; i < seen->cpus; i++)
        if (memcmp(&expected->on[i], &seen->on[i], sizeof seen->on[i]) != 0)
            return "who runs";
    return NULL;
}

/* ---- in words ---- */

static void thread_print(const char *who, unsigned x, const struct model_thread *t)
{
    fprintf(stderr, "sim:   %s %u: state %u at %d rest %u flags %x answer %lx first %d held by %d cpu %d prio %u",
            who, x, t->state, t->at, t->rest, t->flags, t->answer, t->first, t->held_by, t->cpu, t->prio);
    fprintf(stderr, " next %d deadline %lu slice %d of %d", t->ready_next, (unsigned long)t->deadline, t->left,
            t->quantum);
    fprintf(stderr, " message %lx %x %x %x %d\n", t->ipc.tag, t->ipc.timeouts, t->ipc.op, t->ipc.rights, t->ipc.slot);
}

static void result_print(unsigned x, const struct model_result *r)
{
    const struct thread *t = load_thread_at((int)x);

    if (r->kind == R_NONE || t == NULL || t->utcb == NULL)
        return;
    fprintf(stderr, "sim:   model  %u: result %u tag %lx label %lx error %lx\n", x, r->kind, r->tag, r->label,
            r->error);
    fprintf(stderr, "sim:   kernel %u (%p): tag %lx label %lx error %lx\n", x, (const void *)t,
            frame_tag(&t->arch.frame), frame_label(&t->arch.frame), t->utcb->error);
}

static void object_print(const char *who, unsigned i, const struct model *m)
{
    const struct model_object *o = &m->object[i];
    const struct model_sender *s = &m->sender[MODEL_THREADS + i];

    fprintf(stderr, "sim:   %s object %u: kind %u pending %d thread %d first %d label %lx count %ld", who, i, o->kind,
            o->pending, o->thread, o->first, o->label, (long)o->count);
    fprintf(stderr, " queued %d next %d label %lx\n", s->queued, s->next, s->label);
}

static void cpu_print(const char *who, unsigned i, const struct model *m)
{
    const struct model_cpu *c = &m->on[i];

    fprintf(stderr, "sim:   %s CPU %u: runs %d on %d, first %d%s, box", who, i, c->current, c->context, c->first,
            c->reschedule ? ", reschedules" : "");
    for (int t = c->box; t != NOBODY; t = m->t[t].ready_next)
        fprintf(stderr, " %d", t);
    fputs(", guests", stderr);
    for (int s = c->guests; s != NOBODY; s = m->sender[s].next)
        fprintf(stderr, " %d", s);
    fputs("\n", stderr);
}

void load_explain(const struct model *before, const struct model *expected, const struct model *seen)
{
    for (unsigned i = 0; i < seen->threads; i++) {
        if (memcmp(&expected->t[i], &seen->t[i], sizeof seen->t[i]) != 0 || expected->result[i].kind != R_NONE ||
            seen->on[seen->cpu].current == (int)i) {
            thread_print("before", i, &before->t[i]);
            thread_print("model ", i, &expected->t[i]);
            thread_print("kernel", i, &seen->t[i]);
        }
        result_print(i, &expected->result[i]);
    }
    for (unsigned i = 0; i < seen->objects; i++)
        if (memcmp(&expected->object[i], &seen->object[i], sizeof seen->object[i]) != 0 ||
            memcmp(&expected->sender[MODEL_THREADS + i], &seen->sender[MODEL_THREADS + i],
                   sizeof seen->sender[i]) != 0) {
            object_print("model ", i, expected);
            object_print("kernel", i, seen);
        }
    for (unsigned i = 0; i < seen->cpus; i++) {
        cpu_print("before", i, before);
        cpu_print("model ", i, expected);
        cpu_print("kernel", i, seen);
    }
}
