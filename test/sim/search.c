/* SPDX-License-Identifier: MIT */
/*
 * Every history of the small world, breadth first: the shortest history to a wrong state is found first, nothing needs
 * to be made smaller. A state is known by its hash; it is reached again by its history, and its successors start from
 * a copy of it (snapshot.h).
 *
 * Several processes work on a level, batch by batch: so many states that follow one another. What they find becomes
 * known batch by batch, in order: states have the same numbers, histories and counts however many processes there are,
 * and the first finding is the same. All processes read the table; only the holder of the lock writes.
 */
#include "oracle.h"
#include "small.h"
#include "snapshot.h"
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH_MAX 64u
#define BATCHES 64u /* whose results may wait to become known */
/* Memory is compared in every state that is expanded; after every event of the first states, of a batch in which a line
 * was learned, and before something is found; at the end of the first states, then of every 16th. With sanitizers,
 * which end the process when the kernel meets a state that is half another one, it is compared after every event. */
#define COMPARED_OFTEN 300u
#define COMPARED_ALWAYS 10000u
#define EVENTS_MAX 256u
#define RECENT (1u << 15)
#define SPACES (1u << 14)

enum batch_state { BATCH_FREE, BATCH_DONE };
struct found {
    uint64_t key, class;
    uint32_t parent;
    uint8_t event;
};
struct batch {
    unsigned state; /* atomic */
    unsigned count;
    size_t transitions;
    struct found found[]; /* BATCH_MAX times the number of events */
};

/* Hashes, open addressing; 0: empty. The place is the hash as a fraction of the whole, so that a larger table is filled
 * from front to back. */
struct table {
    uint64_t *slot;
    size_t slots, count;
};
#define TABLE_SLACK 4096u /* behind the last slot */
#define TABLE_FIRST (1u << 20)

enum stop { GOES_ON, TABLE_FULL, LIMIT_REACHED, FINDING };
struct search {
    struct table states, classes; /* classes: only when states that are alike are not one */
    uint32_t *parent; /* per state: where it was reached from, and by which event */
    uint8_t *event;
    size_t limit, transitions;
    size_t from, to;  /* states of this level */
    size_t batch_size;
    bool last_level;  /* nobody goes on from what is found */
    uint64_t digest;  /* sum of all hashes of classes */
    /* atomic: */
    size_t next;      /* the batch that is begun next */
    size_t known;     /* so many batches are known */
    unsigned lock, stop;
    struct batch *batch[BATCHES];
};
static struct search *s; /* shared */
static const struct search_options *options;

/* Each process's own; outside the program's data, which snapshots copy. */
static struct worker {
    size_t at, state;                 /* the batch, and what is expanded */
    unsigned path[SNAPSHOTS], depth;  /* of the state of which there is a copy */
    unsigned trying;
    bool often;                       /* a line was learned in this batch */
    jmp_buf again;                    /* to where it begins anew */
    uint64_t recent[RECENT];          /* some hashes that are known */
    uint64_t spaces[SPACES];          /* some digests of address spaces that have been checked */
} *w;

void __gcov_dump(void) __attribute__((weak));

/* ---- table ---- */

static inline size_t table_place(const struct table *t, uint64_t hash)
{
    hash *= 0xd6e8feb86659fd93ul; /* the smallest of several hashes is small */
    return (size_t)((unsigned __int128)hash * t->slots >> 64);
}

static bool table_has(const struct table *t, uint64_t hash)
{
    uint64_t seen;

    for (size_t i = table_place(t, hash); (seen = __atomic_load_n(&t->slot[i], __ATOMIC_RELAXED)) != 0; i++)
        if (seen == hash)
            return true;
    return false;
}

/* False: it was there. */
static bool table_add(struct table *t, uint64_t hash)
{
    size_t i = table_place(t, hash);

    for (; t->slot[i] != 0; i++)
        if (t->slot[i] == hash)
            return false;
    __atomic_store_n(&t->slot[i], hash, __ATOMIC_RELAXED);
    t->count++;
    return true;
}

static size_t table_bytes(size_t slots) { return (slots + TABLE_SLACK) * sizeof(uint64_t); }
/* At most 4 of 5 slots are used. */
static size_t table_slots_for(size_t hashes) { return hashes + hashes / 4 + 64; }

static void table_memory(struct table *t)
{
    t->slot = memory_shared(table_bytes(t->slots));
    if (t->slots >= TABLE_FIRST) /* it is read all over: with few entries of the processor's TLB, if possible */
        madvise(t->slot, table_bytes(t->slots), MADV_HUGEPAGE);
}

static void table_init(struct table *t)
{
    size_t most = table_slots_for(s->limit);

    t->slots = most < TABLE_FIRST ? most : TABLE_FIRST;
    table_memory(t);
}

static bool table_full(const struct table *t, size_t more)
{
    return table_slots_for(t->count + more) > t->slots && t->slots < table_slots_for(s->limit);
}

static void table_grow(struct table *t)
{
    struct table old = *t;
    size_t most = table_slots_for(s->limit);

    t->slots = old.slots * 2 < most ? old.slots * 2 : most;
    table_memory(t);
    t->count = 0;
    for (size_t i = 0; i < old.slots + TABLE_SLACK; i++)
        if (old.slot[i] != 0)
            table_add(t, old.slot[i]);
    munmap(old.slot, table_bytes(old.slots));
}

/* ---- states ---- */

static void tell(const char *wrong)
{
    fflush(stdout);
    fprintf(stderr, "sim: %s: after\n", wrong);
    for (unsigned i = 0; i < w->depth; i++)
        fprintf(stderr, "sim:   %s\n", small_name(w->path[i]));
    fprintf(stderr, "sim:   %s\n", small_name(w->trying));
}

static unsigned stopped(void) { return __atomic_load_n(&s->stop, __ATOMIC_ACQUIRE); }
static size_t known(void) { return __atomic_load_n(&s->known, __ATOMIC_ACQUIRE); }
static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL); }

static _Noreturn void leave(int status)
{
    fflush(stdout);
    if (__gcov_dump != NULL)
        __gcov_dump();
    _Exit(status);
}

/* This process has found something: it is the first finding when all batches before have none. */
static void finding_begin(void)
{
    while (known() < w->at && stopped() == GOES_ON)
        nap();
    if (stopped() != GOES_ON)
        leave(0);
    __atomic_store_n(&s->stop, FINDING, __ATOMIC_RELEASE);
}

static void on_halt(void)
{
    if (snapshot_compare() || !w->often) /* a state that is half another one */
        longjmp(w->again, 1);
    finding_begin();
    fputs(host_output(false), stderr);
    tell("a check has failed");
    leave(1);
}

static void on_fault(int number)
{
    (void)number;
    on_halt();
}

/* Under the lock, or before there are other processes. */
static void state_add(const struct found *f)
{
    if (!table_add(&s->states, f->key))
        return;
    if (!options->apart || table_add(&s->classes, f->class))
        s->digest += f->class;
    if (s->last_level)
        return;
    s->parent[s->states.count - 1] = f->parent;
    s->event[s->states.count - 1] = f->event;
}

static unsigned path_of(size_t state, unsigned *path)
{
    unsigned depth = 0;

    for (size_t i = state; i != 0; i = s->parent[i])
        depth++;
    for (unsigned i = depth; i > 0; state = s->parent[state])
        path[--i] = s->event[state];
    return depth;
}

/* ---- batches ---- */

/* Its results become known. False: the search stops here. */
static bool batch_publish(struct batch *b)
{
    if (table_full(&s->states, b->count) || (options->apart && table_full(&s->classes, b->count))) {
        __atomic_store_n(&s->stop, TABLE_FULL, __ATOMIC_RELEASE);
        return false;
    }
    for (unsigned i = 0; i < b->count && s->states.count < s->limit; i++)
        state_add(&b->found[i]);
    s->transitions += b->transitions;
    __atomic_store_n(&b->state, BATCH_FREE, __ATOMIC_RELEASE);
    __atomic_store_n(&s->known, s->known + 1, __ATOMIC_RELEASE);
    if (s->states.count < s->limit)
        return true;
    __atomic_store_n(&s->stop, LIMIT_REACHED, __ATOMIC_RELEASE);
    return false;
}

static struct batch *batch_first(void) { return s->batch[known() % BATCHES]; }

/* All batches whose turn it is. Whoever finds the lock taken may go: its holder looks again when it has given it up. */
static void batches_publish(void)
{
    while (stopped() == GOES_ON && __atomic_load_n(&batch_first()->state, __ATOMIC_SEQ_CST) == BATCH_DONE) {
        if (__atomic_exchange_n(&s->lock, 1, __ATOMIC_SEQ_CST) != 0)
            return;
        while (stopped() == GOES_ON && __atomic_load_n(&batch_first()->state, __ATOMIC_ACQUIRE) == BATCH_DONE)
            if (!batch_publish(batch_first()))
                break;
        __atomic_store_n(&s->lock, 0, __ATOMIC_SEQ_CST);
    }
}

/* The copy at w->depth is the state. */
static void state_load(size_t state)
{
    unsigned path[SNAPSHOTS], depth = path_of(state, path), same = 0;
    const char *wrong;

    oracle_keep(false); /* it may have been promised when a batch was broken off */
    while (same < depth && same < w->depth && path[same] == w->path[same])
        same++;
    snapshot_load(same);
    for (w->depth = same; w->depth < depth; w->depth++) {
        w->trying = path[w->depth];
        small_apply(w->trying, &wrong); /* it has been compared before */
        snapshot_save(w->depth + 1);
        w->path[w->depth] = w->trying;
    }
    w->state = state;
}

static void finding_tell(const char *wrong)
{
    if (snapshot_compare() || !w->often) /* no wonder; or perhaps a line has changed there and back */
        longjmp(w->again, 1);
    finding_begin();
    tell(wrong);
    oracle_explain();
    leave(1);
}

/* Address spaces are the same in many states: the same memory, to the bit, is not walked again. */
static void state_check(void)
{
    uint64_t digest = snapshot_digest(), *spaces = &w->spaces[digest % SPACES];

    small_check(*spaces != digest);
    *spaces = digest;
}

static void state_seen(struct batch *b, unsigned event)
{
    uint64_t itself = small_hash(), class, key, *recent = &w->recent[itself % RECENT];

    if (*recent == itself)
        return;
    *recent = itself;
    class = small_hash_of_all(itself);
    key = options->apart ? itself : class;
    if (table_has(&s->states, key))
        return;
    state_check();
    b->found[b->count++] = (struct found){key, class, (uint32_t)w->state, (uint8_t)event};
}

/* Memory is compared: another line changes? */
static void lines_check(void)
{
    if (snapshot_compare())
        longjmp(w->again, 1);
}

/* All events that begin with this one (-1: with none), in the state of which `copy` is one: there it has happened. */
static void events_run(struct batch *b, const int *looks, int look, unsigned copy)
{
    bool often = sim_sanitized() || w->often || w->state < COMPARED_OFTEN;
    const char *wrong = NULL;

    oracle_keep(true);
    for (unsigned e = 0; e < small_events(); e++) {
        if (looks[e] != look)
            continue;
        w->trying = e;
        if (!(look < 0 ? small_apply(e, &wrong) : small_apply_looked(e, &wrong)))
            continue;
        b->transitions++;
        if (wrong != NULL)
            finding_tell(wrong);
        state_seen(b, e);
        if (often)
            lines_check();
        snapshot_load(copy);
    }
    oracle_keep(false);
}

static void expand(struct batch *b, size_t state)
{
    int looks[EVENTS_MAX];
    bool begins[EVENTS_MAX] = {false};
    const char *wrong;

    state_load(state);
    lines_check(); /* so the copy is all of the state */
    for (unsigned e = 0; e < small_events(); e++) {
        looks[e] = small_look(e);
        if (looks[e] >= 0)
            begins[looks[e]] = true;
    }
    events_run(b, looks, -1, w->depth);
    for (unsigned e = 0; e < small_events(); e++) {
        if (!begins[e])
            continue;
        snapshot_load(w->depth);
        small_apply(e, &wrong); /* it has been compared already */
        snapshot_save(w->depth + 1);
        events_run(b, looks, (int)e, w->depth + 1);
    }
}

/* A line that nobody copied may have changed from one state to the next: all that the batch has found is void then. */
static void batch_run(struct batch *b)
{
    size_t first = s->from + w->at * s->batch_size;
    size_t last = first + s->batch_size < s->to ? first + s->batch_size : s->to;

    w->often = false;
    if (snapshot_update())
        w->depth = 0;
    if (setjmp(w->again) != 0) {
        snapshot_reset();
        memset(w->recent, 0, sizeof w->recent);
        memset(w->spaces, 0, sizeof w->spaces);
        w->depth = 0;
        w->often = true;
    }
    b->count = 0;
    b->transitions = 0;
    for (size_t i = first; i < last && stopped() == GOES_ON; i++) {
        expand(b, i);
        if (i < COMPARED_ALWAYS || i % 16 == 0 || i + 1 == last)
            lines_check();
    }
}

static _Noreturn void work(void)
{
    size_t batches = (s->to - s->from + s->batch_size - 1) / s->batch_size;

    for (;;) {
        struct batch *b;

        w->at = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);
        while (w->at >= known() + BATCHES && stopped() == GOES_ON)
            nap();
        if (w->at >= batches || stopped() != GOES_ON)
            leave(0);
        b = s->batch[w->at % BATCHES];
        batch_run(b);
        if (stopped() != GOES_ON)
            leave(0);
        __atomic_store_n(&b->state, BATCH_DONE, __ATOMIC_SEQ_CST);
        batches_publish();
    }
}

/* ---- levels ---- */

static bool workers_run(void)
{
    bool good = true;
    int status;

    s->next = s->known = s->lock = s->stop = 0;
    for (unsigned i = 0; i < BATCHES; i++)
        s->batch[i]->state = BATCH_FREE;
    fflush(stdout);
    for (unsigned i = 0; i < options->jobs; i++) {
        pid_t pid = fork();

        if (pid == 0)
            work();
        if (pid < 0) {
            perror("sim: fork");
            s->stop = FINDING;
            good = false;
        }
    }
    while (wait(&status) > 0)
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            if (stopped() != FINDING)
                fprintf(stderr, "sim: a process of the search has ended with status %d\n", status);
            __atomic_store_n(&s->stop, FINDING, __ATOMIC_RELEASE);
            good = false;
        }
    return good;
}

/* False: something is wrong. */
static bool level_run(void)
{
    s->batch_size = 1 + (s->to - s->from) / 1024;
    if (s->batch_size > BATCH_MAX)
        s->batch_size = BATCH_MAX;
    do {
        if (!workers_run())
            return false;
        s->from += s->known * s->batch_size;
        s->from = s->from < s->to ? s->from : s->to;
        if (s->stop == TABLE_FULL) {
            table_grow(&s->states);
            if (options->apart)
                table_grow(&s->classes);
        }
    } while (s->stop == TABLE_FULL);
    return true;
}

static void print_level(unsigned level, const struct timespec *begin)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("sim: %u CPU%s, depth %u%s: %zu states, %zu transitions, %.1f s\n", sim.cpus, sim.cpus == 1 ? "" : "s",
           level, s->from >= s->to ? "" : " (not complete)", s->states.count, s->transitions,
           (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) * 1e-9);
}

/* As many states as find place in half of the memory. */
static size_t limit_default(void)
{
    size_t bytes = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGE_SIZE) / 2;

    return bytes / (sizeof(uint64_t) * 5 / 4 + sizeof *s->parent + sizeof *s->event);
}

static void start(void)
{
    uint64_t itself, class;

    s = memory_shared(sizeof *s);
    w = memory_own(sizeof *w);
    s->limit = options->states == 0 ? limit_default() : options->states;
    if (s->limit > UINT32_MAX)
        s->limit = UINT32_MAX;
    table_init(&s->states);
    table_init(&s->classes);
    s->parent = memory_shared((s->limit + 1) * sizeof *s->parent);
    s->event = memory_shared(s->limit + 1);
    host_on_halt = on_halt;
    sigaction(SIGSEGV, &(struct sigaction){.sa_handler = on_fault, .sa_flags = SA_NODEFER}, NULL);
    small_start(sim.cpus, options->basic);
    for (unsigned i = 0; i < BATCHES; i++)
        s->batch[i] = memory_shared(sizeof **s->batch + BATCH_MAX * small_events() * sizeof(struct found));
    snapshot_start(small_line_of_spaces);
    itself = small_hash();
    class = small_hash_of_all(itself);
    state_add(&(struct found){options->apart ? itself : class, class, 0, 0});
}

int search_all(const struct search_options *chosen)
{
    struct timespec begin;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    options = chosen;
    start();
    for (unsigned level = 1; level <= options->depth && s->from == s->to && s->to < s->states.count; level++) {
        s->to = s->states.count;
        s->last_level = level == options->depth;
        if (s->states.count >= s->limit)
            break;
        if (!level_run())
            return 1;
        print_level(level, &begin);
    }
    if (options->apart)
        printf("sim: %zu states that are not alike\n", s->classes.count);
    printf("sim: %zu different states, %zu transitions without a finding; %zu lines of memory change; digest %016lx\n",
           s->states.count, s->transitions, snapshot_lines(), (unsigned long)s->digest);
    return 0;
}
