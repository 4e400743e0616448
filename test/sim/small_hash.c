/* SPDX-License-Identifier: MIT */
/*
 * The hash of a state of the small world. Two states that differ only by a permutation under which its rules are the
 * same (the two threads of one task; the CPUs) have one hash: the smallest of those of all permuted states.
 *
 * So nothing that a permutation exchanges is seen by its address or number: see_pointer, see_sender, see_label and
 * see_selector give threads and CPUs the name that they have in the permuted state. What belongs to a thread or a CPU
 * is a part of its own (part_end), and the parts of a permuted state come in its order.
 */
#include "small.h"
#include "ipc.h"
#include "map.h"
#include "objects.h"
#include "smp.h"

#define WAYS 4u /* permutations: threads 0 and 1 are exchanged (1), the CPUs are (2) */
#define PARTS (1 + SMALL_THREADS + SMALL_CPUS)
#define PART_THREADS 1u /* the first of them; before them what belongs to nobody */
#define PART_CPUS (PART_THREADS + SMALL_THREADS)

static const struct small_parts *parts;
static unsigned ways; /* how many permutations there are */
static uint64_t name[PARTS][WAYS];

/* Which part takes the place of this one in the permuted state. */
static unsigned part_in(unsigned which, unsigned way)
{
    if ((way & 1) && (which == PART_THREADS || which == PART_THREADS + 1))
        return which ^ PART_THREADS ^ (PART_THREADS + 1);
    if ((way & 2) && which >= PART_CPUS)
        return 2 * PART_CPUS + 1 - which;
    return which;
}

/* What has been seen of a part: a word, and whose name in the permuted state is added to it (0: nobody's). */
#define WORDS 256u
static struct seen {
    uint64_t word;
    unsigned who;
} seen[WORDS] SCRATCH;
static unsigned seen_count SCRATCH, part_last[PARTS] SCRATCH;
static uint64_t odd[WORDS]; /* by place */

static inline uint64_t mix(uint64_t so_far, uint64_t word)
{
    so_far = (so_far ^ word) * 0x9e3779b97f4a7c15ul;
    return so_far ^ so_far >> 29;
}

static inline void see_name(unsigned which, uint64_t more)
{
    kassert(seen_count < WORDS);
    seen[seen_count++] = (struct seen){more, which};
}

static inline void see(uint64_t word) { see_name(0, word); }

static void part_end(unsigned which) { part_last[which] = seen_count; }

static uint64_t part_hash(unsigned which, unsigned way)
{
    unsigned first = which == 0 ? 0 : part_last[which - 1], last = part_last[which];
    uint64_t sum = last - first;

    for (unsigned i = first; i < last; i++) { /* these do not wait for each other */
        uint64_t word = seen[i].word + name[seen[i].who][way], by = odd[i - first];
        unsigned __int128 product = (unsigned __int128)(word + by) * by;

        sum += (uint64_t)(product >> 64) ^ (uint64_t)product;
    }
    return mix(0, sum);
}

extern char __data_start[];

/* Anything that lies in a thread or a CPU (its idle thread does), or elsewhere. */
static void see_pointer(const void *p)
{
    uintptr_t address = (uintptr_t)p;

    for (unsigned i = 0; i < SMALL_THREADS; i++)
        if (address - (uintptr_t)parts->threads[i] < sizeof(struct thread)) {
            see_name(PART_THREADS + i, address - (uintptr_t)parts->threads[i]);
            return;
        }
    for (unsigned i = 0; i < cpu_count; i++)
        if (address - (uintptr_t)cpus[i] < sizeof(struct cpu)) {
            see_name(PART_CPUS + i, address - (uintptr_t)cpus[i]);
            return;
        }
    if (address - (uintptr_t)host_memory < host_memory_bytes()) /* the same in every run */
        see(address - (uintptr_t)host_memory);
    else
        see(p == NULL ? 0 : address - (uintptr_t)__data_start);
}

static void see_thread_number(uint64_t number, uint64_t more) { see_name(PART_THREADS + (unsigned)number, more); }

static void see_sender(uint64_t id)
{
    for (unsigned i = 0; i < SMALL_THREADS; i++)
        if (parts->threads[i]->snd.id == id) {
            see_thread_number(i, 0);
            return;
        }
    see(id);
}

/* Labels of a gate name who it is bound to, those of threads their sender. */
static void see_label(word_t label)
{
    if (label - SMALL_BOUND_LABEL(0) < SMALL_BOUND_LABEL(SMALL_THREADS) - SMALL_BOUND_LABEL(0))
        see_thread_number((label - SMALL_BOUND_LABEL(0)) / 4, 1 + label % 4);
    else if (label - SMALL_THREAD_LABEL(0) < SMALL_THREADS)
        see_thread_number(label - SMALL_THREAD_LABEL(0), 1);
    else
        see(label);
}

static void see_selector(word_t selector)
{
    word_t slot = selector >> L4_SEL_SHIFT;

    if (slot - SMALL_SLOT_THREADS < SMALL_THREADS)
        see_thread_number(slot - SMALL_SLOT_THREADS, selector & ((1u << L4_SEL_SHIFT) - 1));
    else
        see(selector);
}

static void see_list(const struct list *head)
{
    for (const struct list *l = head->next; l != head; l = l->next)
        see_pointer(l);
    see(0);
}

static void see_reply_slot(const struct reply_slot *slot)
{
    see_pointer(slot == NULL ? NULL : reply_slot_caller(slot));
    see(slot == NULL ? 1 : slot->raw & 0xff);
}

static void see_cap(const struct cap *c)
{
    see_pointer(cap_obj(c));
    see(cap_rights(c));
}

/* The message of an operation that has not begun: a thread operation, or one that gives a thread a CPU. */
static void see_operation(const struct thread *t)
{
    const word_t *mr = t->utcb->mr;
    long label = l4_tag_label((l4_tag){frame_tag(&t->arch.frame)});

    if (label == L4_PROTO_THREAD)
        see(mr[0]);
    if (label == L4_PROTO_SCHEDULER) {
        see_name(PART_CPUS + (unsigned)mr[2] - 1, 0);
        see_thread_number(l4_fpage_start((l4_fpage){mr[6]}) - SMALL_SLOT_THREADS, 0);
    }
}

static void see_thread(const struct thread *t)
{
    bool again = t->resume == ipc_restart_resume || t->resume == preempt_again || t->resume == preempt_resume ||
                 t->ipc_state == IPC_GATE || t->ipc_state == IPC_AWAY;

    see(t->state_word);
    see(t->obj.dead);
    see_pointer(t->home);
    see_pointer((const void *)(uintptr_t)t->resume);
    see(t->timeout.armed ? t->timeout.deadline_us - host_clock_us() : 1);
    see(t->flags & THREAD_TIMED ? t->deadline_us - host_clock_us() : 1);
    see_sender(t->ipc_state == IPC_RECEIVING ? t->partner : 0);
    see_pointer(t->ipc_state == IPC_WAITING ? t->ipc.wait_slot : NULL);
    see_reply_slot(&t->reply);
    see_pointer(t->held_by);
    see_list(&t->senders);
    if (again) {
        see_selector(frame_dest(&t->arch.frame));
        see(frame_timeout(&t->arch.frame));
        see(t->progress.receiving);
        see_operation(t);
    }
    if (t->ipc_state == IPC_SENDING || t->resume == ipc_receive_resume) {
        see(t->ipc.op | (uint64_t)t->ipc.rights << 16 | (uint64_t)t->ipc.timeout << 32);
        see_pointer(t->ipc.wait_slot);
        see_label(t->snd.label);
        see_pointer(t->snd.receiver);
    }
}

static void see_cpu(const struct cpu *c)
{
    see_pointer(c->current);
    see_pointer(c->context);
    see((c->reschedule ? 1u : 0) | (c->arch.ipi ? 2u : 0) | (c->arch.stopped ? 4u : 0) | (uint64_t)c->claim << 8);
    see_list(&c->ready[SMALL_PRIO]);
    see_list(&c->inbox);
    see_list(&c->guests);
}

static void see_rest(void)
{
    see_list(&parts->gate->waiting);
    see_pointer(parts->gate->thread);
    see_label(parts->gate->label);
    see(parts->gate->obj.dead);
    for (int i = 0; i < SMALL_TASKS; i++) {
        see_reply_slot(task_reply_slot(parts->tasks[i], SMALL_REPLY_SLOT));
        see(small_page_rights(i));
        see_pointer(small_page_parent(i));
        see_cap(cap_slot(parts->tasks[i], SMALL_SLOT_SPARE));
        see_cap(cap_slot(parts->tasks[i], SMALL_SLOT_GATE));
    }
}

void small_hash_start(const struct small_parts *of)
{
    parts = of;
    ways = cpu_count == 1 ? 2 : 4;
    for (unsigned i = 1; i < PARTS; i++)
        for (unsigned w = 0; w < WAYS; w++)
            name[i][w] = (uint64_t)part_in(i, w) << 48;
    for (unsigned i = 0; i < WORDS; i++)
        odd[i] = mix(mix(1, i), 2) | 1;
}

static uint64_t hash_in(unsigned way)
{
    uint64_t all = 0;

    for (unsigned i = 0; i < PART_CPUS + cpu_count; i++)
        all = mix(all, part_hash(part_in(i, way), way));
    return all;
}

uint64_t small_hash(void)
{
    seen_count = 0;
    see_rest();
    part_end(0);
    for (unsigned i = 0; i < SMALL_THREADS; i++) {
        see_thread(parts->threads[i]);
        part_end(PART_THREADS + i);
    }
    for (unsigned i = 0; i < cpu_count; i++) {
        see_cpu(cpus[i]);
        part_end(PART_CPUS + i);
    }
    return hash_in(0);
}

uint64_t small_hash_of_all(uint64_t itself)
{
    for (unsigned w = 1; w < ways; w++) {
        uint64_t hash = hash_in(w);

        itself = hash < itself ? hash : itself;
    }
    return itself;
}
