/* SPDX-License-Identifier: MIT */
/* The first stack of a program; layout and contract are in loader/stack.h. */
#include <loader/stack.h>
#include <string.h>

#define NONE (~0ul)
#define ALIGN 16ul
#define AUXV_MAX 15u

struct auxv {
    word_t pair[AUXV_MAX][2];
    unsigned count;
};

static void auxv_add(struct auxv *a, word_t type, word_t value)
{
    if (value == NONE)
        return;
    a->pair[a->count][0] = type;
    a->pair[a->count][1] = value;
    a->count++;
}

/* In the order of the interface; readers search by type. */
static void auxv_fill(struct auxv *a, const struct stack_plan *p, word_t aux_at, word_t env_at)
{
    a->count = 0;
    auxv_add(a, START_AT_BASE, p->elf.base);
    auxv_add(a, START_AT_ENTRY, p->elf.entry);
    auxv_add(a, START_AT_PHENT, p->elf.header_size);
    auxv_add(a, START_AT_PHNUM, p->elf.header_count);
    auxv_add(a, START_AT_PHDR, p->elf.headers);
    auxv_add(a, START_AT_EGID, 0);
    auxv_add(a, START_AT_GID, 0);
    auxv_add(a, START_AT_EUID, 0);
    auxv_add(a, START_AT_UID, 0);
    auxv_add(a, START_AT_PAGESZ, L4_PAGE_SIZE);
    auxv_add(a, START_AT_L4_AUX, aux_at);
    auxv_add(a, START_AT_L4_KIP, p->kip);
    auxv_add(a, START_AT_L4_ENV, env_at);
    a->pair[a->count][0] = START_AT_NULL;
    a->pair[a->count][1] = 0;
    a->count++;
}

static word_t strings_size(const char *const *list, unsigned count)
{
    word_t size = 0;

    for (unsigned i = 0; i < count; i++)
        size += strlen(list[i]) + 1;
    return size;
}

/* Bytes up to and including the auxiliary vector. */
static word_t vectors_size(const struct stack_plan *p)
{
    struct auxv a;

    auxv_fill(&a, p, 0, 0);
    return (1 + (word_t)p->arg_count + 1 + p->env_count + 1) * sizeof(word_t) + a.count * sizeof a.pair[0];
}

static word_t tables_size(const struct stack_plan *p)
{
    return sizeof(struct start_env) + ((word_t)p->cap_count + 1) * sizeof(struct start_cap) + sizeof(struct start_aux);
}

word_t stack_size(const struct stack_plan *p)
{
    word_t size = vectors_size(p) + tables_size(p) + strings_size(p->args, p->arg_count) +
                  strings_size(p->envs, p->env_count) + strlen(p->binary) + 1;

    return (size + ALIGN - 1) & ~(ALIGN - 1);
}

/* Where the next bytes go: `at` in the buffer stands for address at + shift in the new task. */
struct writer {
    char *at;
    word_t shift;
};

static word_t address_of(const struct writer *w) { return (word_t)(uintptr_t)w->at + w->shift; }

static word_t put(struct writer *w, const void *data, word_t size)
{
    word_t address = address_of(w);

    memcpy(w->at, data, size);
    w->at += size;
    return address;
}

static void put_word(struct writer *w, word_t value) { put(w, &value, sizeof value); }

/* Strings go to *strings, their addresses and a null to *w. */
static void put_list(struct writer *w, struct writer *strings, const char *const *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        put_word(w, put(strings, list[i], strlen(list[i]) + 1));
    put_word(w, 0);
}

static void put_tables(struct writer *w, const struct stack_plan *p, word_t binary)
{
    struct start_env env = p->env;
    struct start_aux aux = p->aux;
    const struct start_cap end = {.cap = 0, .flags = NONE};

    env.caps = address_of(w) + sizeof env;
    aux.binary = binary;
    put(w, &env, sizeof env);
    if (p->cap_count > 0)
        put(w, p->caps, p->cap_count * sizeof *p->caps);
    put(w, &end, sizeof end);
    put(w, &aux, sizeof aux);
}

word_t stack_build(const struct stack_plan *p, void *image, word_t size, word_t top)
{
    word_t total = stack_size(p);

    if (total > size || top % ALIGN != 0)
        return 0;
    char *start = (char *)image + (size - total);
    word_t shift = top - total - (word_t)(uintptr_t)start;
    struct writer w = {start, shift};
    struct writer tables = {start + vectors_size(p), shift};
    struct writer strings = {tables.at + tables_size(p), shift};
    word_t env_at = address_of(&tables);
    word_t aux_at = address_of(&strings) - sizeof(struct start_aux);
    struct auxv a;

    memset(start, 0, total);
    put_word(&w, p->arg_count);
    put_list(&w, &strings, p->args, p->arg_count);
    put_list(&w, &strings, p->envs, p->env_count);
    auxv_fill(&a, p, aux_at, env_at);
    put(&w, a.pair, a.count * sizeof a.pair[0]);
    put_tables(&tables, p, put(&strings, p->binary, strlen(p->binary) + 1));
    return top - total;
}
