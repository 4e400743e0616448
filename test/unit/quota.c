/* SPDX-License-Identifier: MIT */
/* quota.c: limits are exact, a failure changes nothing, quota and memory come back together. */
#include "arch/host/host.h"
#include "factory.h"
#include "tap.h"

static struct factory payer;
static struct slab slab;

static void test_take(void)
{
    payer.quota = (struct quota){.limit = 1000};
    ok(quota_take(&payer, 600), "within the limit");
    ok(!quota_take(&payer, 401), "one byte over the limit");
    is(payer.quota.used, 600, "a refusal changes nothing");
    ok(!quota_take(&payer, ~(size_t)0), "a sum that wraps is refused");
    ok(quota_take(&payer, 400), "exactly the limit");
    ok(!quota_take(&payer, 1), "nothing is left");
    ok(quota_take(&payer, 0), "nothing can always be had");
    quota_give(&payer, 1000);
    is(payer.quota.used, 0, "given back");
    ok(quota_take(NULL, 1ul << 60), "nobody pays for boot objects");
    quota_give(NULL, 1ul << 60);
}

static void test_frames(void)
{
    size_t before = frame_free_bytes();

    payer.quota = (struct quota){.limit = 3 * L4_PAGE_SIZE};
    word_t *p = charged_frame_alloc(&payer, 1);
    ok(p != NULL, "two pages");
    bool zero = true;
    for (unsigned i = 0; i < 2 * L4_PAGE_SIZE / sizeof *p; i++)
        zero &= p[i] == 0;
    ok(zero, "they are zero");
    is(payer.quota.used, 2 * L4_PAGE_SIZE, "two pages are charged");
    ok(charged_frame_alloc(&payer, 1) == NULL, "two more are not granted");
    is(payer.quota.used, 2 * L4_PAGE_SIZE, "and not charged");
    is(before - frame_free_bytes(), 2 * L4_PAGE_SIZE, "and not allocated");
    frame_fail_countdown = 1;
    ok(charged_frame_alloc_raw(&payer, 0) == NULL, "no memory");
    is(payer.quota.used, 2 * L4_PAGE_SIZE, "a failed allocation is not charged");
    charged_frame_free(&payer, p, 1);
    is(payer.quota.used, 0, "quota is back");
    is(frame_free_bytes(), before, "memory is back");
}

static void test_objects(void)
{
    slab_init(&slab, "charged", 100);
    payer.quota = (struct quota){.limit = 230};
    void *a = charged_slab_alloc(&payer, &slab), *b = charged_slab_alloc(&payer, &slab);
    ok(a != NULL && b != NULL, "two objects");
    is(payer.quota.used, 2 * slab.size, "their slab size is charged");
    ok(charged_slab_alloc(&payer, &slab) == NULL, "the third is over the limit");
    is(slab.used, 2, "and not made");
    charged_slab_free(&payer, &slab, b);
    frame_fail_countdown = 1;
    ok(charged_slab_alloc(&payer, &slab) == NULL, "no memory");
    is(payer.quota.used, slab.size, "a failed allocation is not charged");
    charged_slab_free(&payer, &slab, a);
    is(payer.quota.used, 0, "quota is back");
}

int main(void)
{
    host_start_memory(&(struct host_config){0});
    test_take();
    test_frames();
    test_objects();
    return tap_done();
}
