/* SPDX-License-Identifier: MIT */
/* slab.c: zeroed objects, alignment, blocks that come and go, sizes up to several pages. */
#include "arch/host/host.h"
#include "memory.h"
#include "tap.h"
#include <string.h>

#define OBJECTS 1000

static void test_size(struct slab *s, const char *name, size_t size, size_t align)
{
    static unsigned char *object[OBJECTS];
    size_t before = frame_free_bytes();
    bool zeroed = true, aligned = true, intact = true;

    slab_init(s, name, size);
    for (unsigned i = 0; i < OBJECTS; i++) {
        object[i] = slab_alloc(s);
        for (size_t k = 0; k < size; k++)
            zeroed &= object[i][k] == 0;
        aligned &= ((size_t)object[i] & (align - 1)) == 0;
        memset(object[i], (int)(i & 0xff), size);
    }
    slab_check(s);
    is(s->used, OBJECTS, name);
    ok(aligned, "objects are aligned");
    for (unsigned i = 0; i < OBJECTS; i++)
        for (size_t k = 0; k < size; k++)
            intact &= object[i][k] == (i & 0xff);
    ok(intact, "objects do not overlap");
    for (unsigned i = 0; i < OBJECTS; i += 2)
        slab_free(s, object[i]);
    slab_check(s);
    for (unsigned i = 0; i < OBJECTS; i += 2) {
        object[i] = slab_alloc(s);
        for (size_t k = 0; k < size; k++)
            zeroed &= object[i][k] == 0;
    }
    ok(zeroed, "objects are zero, the second time, too");
    for (unsigned i = 0; i < OBJECTS; i++)
        slab_free(s, object[i]);
    slab_check(s);
    is(frame_free_bytes(), before, "empty blocks go back");
}

static void test_exhaustion(void)
{
    static struct slab s;
    static void *object[40000];
    unsigned n = 0;

    slab_init(&s, "exhaustion", 1024);
    size_t before = frame_free_bytes();
    while (n < 40000 && (object[n] = slab_alloc(&s)) != NULL)
        n++;
    ok(n > 3000 && n < 40000, "no object when there is no memory");
    frame_check();
    slab_check(&s);
    while (n > 0)
        slab_free(&s, object[--n]);
    is(frame_free_bytes(), before, "all memory is back");
    frame_fail_countdown = 1;
    ok(slab_alloc(&s) == NULL, "an injected failure");
    is(s.used, 0, "changes nothing");
    is(frame_free_bytes(), before, "and takes nothing");
}

int main(void)
{
    static struct slab slabs[6];

    host_start_memory(&(struct host_config){.memory_bytes = 8ul << 20, .heap_bytes = 4ul << 20});
    test_size(&slabs[0], "16 bytes", 16, 16);
    test_size(&slabs[1], "24 bytes", 24, 16);
    test_size(&slabs[2], "64 bytes", 64, 64);
    test_size(&slabs[3], "720 bytes", 720, 16);
    test_size(&slabs[4], "2208 bytes", 2208, 32);
    ok(slab_first() == &slabs[4], "the newest slab is the first of all");
    test_exhaustion();
    return tap_done();
}
