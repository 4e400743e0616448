/* SPDX-License-Identifier: MIT */
/* What a processor has cached of a page goes when the page does, when it loses a right, and when its status is read. */
#include "tap.h"
#include "machine.h"

#define AT 0x5000000000ul
#define RW (L4_MEM_R | L4_MEM_W)

static struct task *sigma0;

static unsigned unmap(unsigned rights)
{
    unsigned status = unmap_memory_all(root->task, l4_fpage_make(L4_FPAGE_MEM, AT >> L4_PAGE_SHIFT, 12, rights), true);

    host_tlb_check(&root->task->space);
    return status;
}

/* What its owner learns about the page; afterwards it is as if it had not been touched. */
static unsigned status(void)
{
    return unmap_memory_all(sigma0, l4_fpage_make(L4_FPAGE_MEM, 0x400, 12, 0), false);
}

static void map(void)
{
    is(map_fpage_all((struct map_request){.from = sigma0, .to = root->task, .item = AT | L4_ITEM_MAP, .rights_mask = 15,
                                       .send = l4_fpage_make(L4_FPAGE_MEM, 0x400, 12, RW), .window = {L4_FPAGE_ALL}}),
       MAP_DONE, "a page");
}

int main(void)
{
    machine_start();
    sigma0 = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task;
    map();
    ok(host_touch(AT, L4_MEM_W) != NULL, "is written");
    is(status(), 3, "it was accessed and changed");
    is(status(), 0, "and not since");
    ok(host_touch(AT, L4_MEM_R) != NULL, "it is read");
    is(status(), 1, "which is seen");
    ok(host_touch(AT, L4_MEM_W) != NULL, "written again");
    unmap(L4_MEM_W);
    ok(host_touch(AT, L4_MEM_R) != NULL, "read-only, it can be read");
    unmap(RW);
    ok(host_touch(AT, L4_MEM_R) == NULL, "and when it has gone it cannot");
    return tap_done();
}
