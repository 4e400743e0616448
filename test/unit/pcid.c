/* SPDX-License-Identifier: MIT */
/* Tags of TLB entries: who gets one, when loading a space flushes, and what the next owner of a tag sees. */
#include "tap.h"
#include "machine.h"

#define SPACES 10u
#define GIVEN (HOST_PCIDS - 2u) /* 0 is shared, 1 is kept for isolation */

static struct arch_space space[SPACES];

static bool flushes(struct arch_space *s) { return !(arch_pcid_load(s) & ARCH_CR3_KEEP); }

static unsigned tagged(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < SPACES; i++)
        n += space[i].pcid != 0;
    return n;
}

static bool all_different(void)
{
    for (unsigned i = 0; i < SPACES; i++)
        for (unsigned k = 0; k < i; k++)
            if (space[i].pcid != 0 && space[i].pcid == space[k].pcid)
                return false;
    return true;
}

int main(void)
{
    uint16_t freed;

    machine_start();
    arch_pcid_init(HOST_PCIDS);
    for (unsigned i = 0; i < SPACES; i++) {
        space[i].root_pa = (i + 1) * L4_PAGE_SIZE;
        arch_pcid_take(&space[i]);
    }
    is(tagged(), GIVEN, "as many spaces have a PCID as there are");
    ok(all_different(), "each its own");
    ok(space[0].pcid > 1, "and none has those that are kept");
    is(arch_pcid_load(&space[0]) & 0xfff, space[0].pcid, "CR3 names the PCID");
    is(arch_pcid_load(&space[0]) & ~(0xfff | ARCH_CR3_KEEP), space[0].root_pa, "and the root");

    ok(flushes(&space[1]), "the first load flushes");
    ok(!flushes(&space[1]), "the second does not");
    arch_tlb_flush_page(&space[1], 0x1000);
    ok(flushes(&space[1]), "but one after the tables have lost something does");
    ok(!flushes(&space[1]), "once");
    is(arch_pcid_load(&space[SPACES - 1]), space[SPACES - 1].root_pa, "a space without PCID is loaded with 0");
    ok(flushes(&space[SPACES - 1]) && flushes(&space[SPACES - 1]), "and flushes every time");

    freed = space[2].pcid;
    arch_pcid_give(&space[2]);
    is(space[2].pcid, 0, "a PCID is given back");
    arch_pcid_take(&space[SPACES - 1]);
    is(space[SPACES - 1].pcid, freed, "the next space gets it");
    ok(flushes(&space[SPACES - 1]), "and begins with a flush");
    arch_pcid_give(&space[SPACES - 1]);
    arch_pcid_give(&space[SPACES - 1]);
    arch_pcid_take(&space[2]);
    arch_pcid_take(&space[SPACES - 1]);
    is(tagged(), GIVEN, "giving back twice gives one");

    arch_pcid_init(0);
    arch_pcid_take(&space[3]);
    is(space[3].pcid, 0, "without PCIDs nobody gets one");
    return tap_done();
}
