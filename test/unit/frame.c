/* SPDX-License-Identifier: MIT */
/* frame.c: sizes, alignment, merging, exhaustion, fault injection, and a random history. */
#include "arch/host/host.h"
#include "memory.h"
#include "tap.h"
#include <stdlib.h>
#include <string.h>

#define BLOCKS 400

static struct {
    unsigned char *at;
    unsigned order;
    unsigned char mark;
} block[BLOCKS];

static unsigned long seed = 1;
static unsigned random_below(unsigned n)
{
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(seed >> 33) % n;
}

static void test_one_block(void)
{
    size_t before = frame_free_bytes();

    for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++) {
        char *p = frame_alloc(order);
        if (!ok(p != NULL, "a block of every order"))
            continue;
        is((size_t)p & ((L4_PAGE_SIZE << order) - 1), 0, "aligned to its size");
        is(before - frame_free_bytes(), L4_PAGE_SIZE << order, "its size is missing from the free bytes");
        memset(p, 0x5a, L4_PAGE_SIZE << order);
        frame_check();
        frame_free(p, order);
    }
    is(frame_free_bytes(), before, "all bytes are back");
}

static void test_merge(void)
{
    size_t before = frame_free_bytes();
    void *all[8192], *big;
    unsigned n = 0, bigs = 0;

    while (n < 8192 && (all[n] = frame_alloc(0)) != NULL)
        n++;
    is(frame_free_bytes(), 0, "single pages use up the whole heap");
    is(n, before / L4_PAGE_SIZE, "as many as there were");
    ok(frame_alloc(3) == NULL, "and then there is nothing");
    for (unsigned i = 0; i < n; i += 2)
        frame_free(all[i], 0);
    frame_check();
    ok(frame_alloc(1) == NULL, "every second page makes no pair");
    for (unsigned i = 1; i < n; i += 2)
        frame_free(all[i], 0);
    frame_check();
    is(frame_free_bytes(), before, "all bytes are back");
    while ((big = frame_alloc(FRAME_ORDER_MAX)) != NULL)
        all[bigs++] = big;
    ok(bigs >= 7, "pages have merged into the largest blocks again");
    while (bigs > 0)
        frame_free(all[--bigs], FRAME_ORDER_MAX);
}

static void test_injection(void)
{
    frame_fail_countdown = 3;
    void *a = frame_alloc(0), *b = frame_alloc(0), *c = frame_alloc(0), *d = frame_alloc(0);
    ok(a != NULL && b != NULL && c == NULL && d != NULL, "the third allocation fails, the others do not");
    frame_free(a, 0);
    frame_free(b, 0);
    frame_free(d, 0);
}

static bool block_intact(unsigned i)
{
    for (size_t k = 0; k < L4_PAGE_SIZE << block[i].order; k++)
        if (block[i].at[k] != block[i].mark)
            return false;
    return true;
}

static void test_history(void)
{
    size_t before = frame_free_bytes();
    bool intact = true;

    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = random_below(BLOCKS);
        if (block[i].at != NULL) {
            intact &= block_intact(i);
            frame_free(block[i].at, block[i].order);
            block[i].at = NULL;
        } else {
            block[i].order = random_below(5);
            block[i].mark = (unsigned char)step;
            block[i].at = frame_alloc(block[i].order);
            if (block[i].at != NULL)
                memset(block[i].at, block[i].mark, L4_PAGE_SIZE << block[i].order);
        }
        if (step % 500 == 0)
            frame_check();
    }
    ok(intact, "nobody writes into a block but its owner");
    for (unsigned i = 0; i < BLOCKS; i++)
        if (block[i].at != NULL)
            frame_free(block[i].at, block[i].order);
    frame_check();
    is(frame_free_bytes(), before, "nothing is lost in 20,000 steps");
}

static void test_range(void)
{
    word_t first, last;
    char *page = frame_alloc(0);

    frame_range(&first, &last);
    ok(first < (word_t)page && (word_t)page + L4_PAGE_SIZE - 1 <= last, "pages lie in the allocator's range");
    ok(((last + 1) & (L4_PAGE_SIZE - 1)) == 0 && last - first + 1 > frame_free_bytes(), "with its metadata");
    frame_free(page, 0);
}

int main(void)
{
    host_start_memory(&(struct host_config){.memory_bytes = 20ul << 20, .heap_bytes = (16ul << 20) + 3 * L4_PAGE_SIZE});
    frame_check();
    ok(frame_free_bytes() > (16ul << 20) - (64ul << 10), "metadata is small");
    test_one_block();
    test_merge();
    test_injection();
    test_range();
    test_history();
    return tap_done();
}
