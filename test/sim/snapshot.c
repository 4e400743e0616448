/* SPDX-License-Identifier: MIT */
/* See snapshot.h. Nothing of libc copies: the address sanitizer would see gaps between variables. */
#include "snapshot.h"
#include "arch/host/host.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LINE SNAPSHOT_LINE
#define LINE_WORDS (LINE / sizeof(uint64_t))
#define RAW __attribute__((no_sanitize("address", "undefined")))
#define AREAS 2

extern char __data_start[], _end[], __start_scratch[], __stop_scratch[];

/* All of it outside the program's own data, which is part of what is copied. */
struct snapshot {
    struct {
        uint64_t *memory, *start; /* what is copied, and what was in it at the start */
        size_t lines;
        unsigned char *changes;   /* per line: it is in `changing`, or scratch */
    } area[AREAS];
    uint64_t **changing;          /* lines that change */
    size_t count;
    bool (*counts)(const void *line);
    uint64_t **counting;          /* those of them that are in the digest */
    size_t counting_count;
    uint64_t *copy[SNAPSHOTS];
    struct learned {              /* by all processes: numbers of lines, counted through the areas */
        unsigned lock;
        size_t count;
        uint32_t line[];
    } *learned;
    size_t taken;                 /* how many of these are in `changing` */
};
static struct snapshot *s;

static void *memory(size_t bytes, int flags)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        fprintf(stderr, "sim: %zu bytes of memory are needed for the search\n", bytes);
        exit(2);
    }
    return p;
}

void *memory_shared(size_t bytes) { return memory(bytes, MAP_SHARED); }
void *memory_own(size_t bytes) { return memory(bytes, MAP_PRIVATE); }

/* A quarter of a line, at once. */
typedef uint64_t quarter __attribute__((vector_size(LINE / 4), may_alias));

RAW static inline void line_copy(uint64_t *to, const uint64_t *from)
{
    for (unsigned i = 0; i < 4; i++)
        ((quarter *)to)[i] = ((const quarter *)from)[i];
}

RAW static inline bool line_same(const uint64_t *a, const uint64_t *b)
{
    quarter different = {0, 0};

    for (unsigned i = 0; i < 4; i++)
        different |= ((const quarter *)a)[i] ^ ((const quarter *)b)[i];
    return (different[0] | different[1]) == 0;
}

/* Is it data that nobody needs again (sim.h SCRATCH)? */
static bool is_scratch(const uint64_t *line)
{
    return (uintptr_t)line >= (uintptr_t)__start_scratch && (uintptr_t)line + LINE <= (uintptr_t)__stop_scratch;
}

/* Line i of area a changes. */
static void line_add(unsigned a, size_t i)
{
    s->area[a].changes[i] = 1;
    s->changing[s->count] = s->area[a].memory + i * LINE_WORDS;
    line_copy(s->copy[0] + s->count * LINE_WORDS, s->area[a].start + i * LINE_WORDS);
    s->count++;
    if (s->counts(s->area[a].memory + i * LINE_WORDS))
        s->counting[s->counting_count++] = s->area[a].memory + i * LINE_WORDS;
}

RAW uint64_t snapshot_digest(void)
{
    uint64_t sum = s->counting_count;

    for (size_t i = 0; i < s->counting_count; i++) {
        const uint64_t *line = s->counting[i];

        for (unsigned k = 0; k < LINE_WORDS; k += 2) { /* pairs do not wait for each other */
            uint64_t place = (i * LINE_WORDS + k) << 40;
            unsigned __int128 product = (unsigned __int128)(line[k] ^ 0x9e3779b97f4a7c15ul ^ place) *
                                        (line[k + 1] ^ 0xd6e8feb86659fd93ul);

            sum += (uint64_t)(product >> 64) ^ (uint64_t)product;
        }
        sum = (sum ^ sum >> 29) * 0x9e3779b97f4a7c15ul;
    }
    return sum;
}

static void learn(unsigned a, size_t i)
{
    struct learned *l = s->learned;

    line_add(a, i);
    while (__atomic_exchange_n(&l->lock, 1, __ATOMIC_ACQUIRE) != 0)
        ;
    l->line[l->count] = (uint32_t)(a * s->area[0].lines + i);
    __atomic_store_n(&l->count, l->count + 1, __ATOMIC_RELEASE); /* twice in the list: no harm */
    __atomic_store_n(&l->lock, 0, __ATOMIC_RELEASE);
}

bool snapshot_compare(void)
{
    size_t before = s->count;

    for (unsigned a = 0; a < AREAS; a++)
        for (size_t i = 0; i < s->area[a].lines; i++)
            if (s->area[a].changes[i] == 0 &&
                !line_same(s->area[a].memory + i * LINE_WORDS, s->area[a].start + i * LINE_WORDS))
                learn(a, i);
    return s->count != before;
}

bool snapshot_update(void)
{
    size_t before = s->count, count = __atomic_load_n(&s->learned->count, __ATOMIC_ACQUIRE);

    for (; s->taken < count; s->taken++) {
        size_t i = s->learned->line[s->taken];
        unsigned a = i >= s->area[0].lines;

        i -= a * s->area[0].lines;
        if (s->area[a].changes[i] == 0)
            line_add(a, i);
    }
    return s->count != before;
}

size_t snapshot_lines(void)
{
    snapshot_update();
    return s->count;
}

void snapshot_reset(void)
{
    for (unsigned a = 0; a < AREAS; a++)
        for (size_t i = 0; i < s->area[a].lines; i++)
            line_copy(s->area[a].memory + i * LINE_WORDS, s->area[a].start + i * LINE_WORDS);
}

RAW void snapshot_save(unsigned copy)
{
    uint64_t *to = s->copy[copy];

    for (size_t i = 0; i < s->count; i++, to += LINE_WORDS)
        line_copy(to, s->changing[i]);
}

RAW void snapshot_load(unsigned copy)
{
    const uint64_t *from = s->copy[copy];

    for (size_t i = 0; i < s->count; i++, from += LINE_WORDS)
        line_copy(s->changing[i], from);
}

static void area_init(unsigned which, char *first, char *last)
{
    size_t lines = (size_t)(last - first) / LINE;

    s->area[which].memory = (uint64_t *)(void *)first;
    s->area[which].lines = lines;
    s->area[which].start = memory_own(lines * LINE);
    s->area[which].changes = memory_own(lines);
}

void snapshot_start(bool (*counts)(const void *line))
{
    char *data = __data_start + (-(uintptr_t)__data_start & (LINE - 1));
    char *data_end = data + ((size_t)(_end - data) + LINE - 1) / LINE * LINE; /* the rest of its page exists */
    size_t lines;

    s = memory_own(sizeof *s);
    area_init(0, data, data_end);
    area_init(1, host_memory + host_ram_bytes(), host_memory + host_memory_bytes());
    lines = s->area[0].lines + s->area[1].lines;
    s->changing = memory_own(lines * sizeof *s->changing);
    s->counting = memory_own(lines * sizeof *s->counting);
    s->counts = counts;
    s->learned = memory_shared(sizeof *s->learned + lines * 8 * sizeof *s->learned->line);
    for (unsigned i = 0; i < SNAPSHOTS; i++)
        s->copy[i] = memory_own(lines * LINE);
    for (unsigned a = 0; a < AREAS; a++)
        for (size_t i = 0; i < s->area[a].lines; i++) {
            line_copy(s->area[a].start + i * LINE_WORDS, s->area[a].memory + i * LINE_WORDS);
            s->area[a].changes[i] = is_scratch(s->area[a].memory + i * LINE_WORDS);
        }
}
