/* SPDX-License-Identifier: MIT */
/* main.c: the boot tasks, what they are given, who pages whom, and what happens without them. */
#include "tap.h"
#include "machine.h"
#include <string.h>

static const struct {
    word_t slot;
    unsigned type;
    const char *name;
} common[] = {
    {L4_SLOT_TASK, KOBJ_TASK, "its task"},          {L4_SLOT_FACTORY, KOBJ_FACTORY, "the factory"},
    {L4_SLOT_THREAD, KOBJ_THREAD, "its thread"},    {L4_SLOT_LOG, KOBJ_VCON, "the console"},
    {L4_SLOT_ICU, KOBJ_ICU, "the interrupts"},      {L4_SLOT_SCHEDULER, KOBJ_SCHED, "the scheduler"},
};

static void test_capabilities(const struct thread *t)
{
    for (unsigned i = 0; i < ARRAY_LEN(common); i++) {
        struct cap *slot = cap_slot(t->task, common[i].slot);

        ok(slot->raw != 0 && cap_obj(slot)->type == common[i].type, common[i].name);
        is(cap_rights(slot), CAP_ALL_RIGHTS, "with all rights");
        ok(cap_obj(slot)->boot, "it lives as long as the machine");
    }
    ok(cap_obj(cap_slot(t->task, L4_SLOT_TASK)) == &t->task->obj, "the task is its own");
    ok(cap_obj(cap_slot(t->task, L4_SLOT_THREAD)) == &t->obj, "so is the thread");
    is(t->utcb_user, L4_INITIAL_UTCB, "its UTCB is where the interface says");
    is(t->utcb->self, L4_INITIAL_UTCB, "and the UTCB knows");
}

static void boot_nobody(void)
{
    host_start(&(struct host_config){0});
    exit(host_idle() ? 0 : 1);
}

static void boot_sigma0(void)
{
    host_start(&(struct host_config){.sigma0_ip = 0x1000});
    if (host_idle() || !host_current()->task->is_sigma0)
        exit(1);
    wait_open();
    exit(host_idle() ? 0 : 2);
}

int main(void)
{
    is(in_copy(boot_nobody), 0, "without programs nobody runs");
    is(in_copy(boot_sigma0), 0, "without a root task sigma0 is alone");
    host_start(&(struct host_config){.sigma0_ip = 0x1000, .root_ip = 0x2000});
    ok(strstr(host_output(false), " KiB of kernel memory") != NULL, "the kernel says how much memory it has");

    struct thread *first = host_current(), *sigma0, *other;

    wait_open();
    other = host_current();
    ok(!host_idle() && other != first, "two threads are ready");
    sigma0 = first->task->is_sigma0 ? first : other;
    other = sigma0 == first ? other : first;
    ok(sigma0->task->is_sigma0 && !other->task->is_sigma0, "one of them is sigma0's");
    is(sigma0->arch.frame.ip, 0x1000, "where the information page says");
    is(sigma0->arch.frame.rdi, arch_virt_to_phys(&kip), "and is told where that page is");
    test_capabilities(sigma0);
    is(other->arch.frame.ip, 0x2000, "the other is the root task's");
    test_capabilities(other);
    is(other->pager, L4_SLOT_PAGER, "it has a pager");
    struct gate *g = gate_of(cap_obj(cap_slot(other->task, L4_SLOT_PAGER)));

    ok(g->obj.type == KOBJ_GATE && g->thread == sigma0, "a gate to sigma0");
    is(cap_rights(cap_slot(other->task, L4_SLOT_PAGER)) & L4_OBJ_SERVER, 0, "which it cannot bind anew");
    wait_open();
    ok(host_idle(), "when both wait nobody runs");
    kernel_check_all();
    return tap_done();
}
