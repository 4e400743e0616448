/* SPDX-License-Identifier: MIT */
/* check.c: a sound machine passes; each broken promise is noticed. */
#include "tap.h"
#include "machine.h"
#include <setjmp.h>
#include <string.h>

static jmp_buf halted;

static void on_halt(void) { longjmp(halted, 1); }

/* Does the check end in a panic that names an assertion? */
static bool notices(void (*check)(void))
{
    if (setjmp(halted) == 0) {
        check();
        return false;
    }
    return strstr(host_output(true), "assertion failed") != NULL;
}

static void check_everything(void) { kernel_check_all(); }
static void check_root_task(void) { task_check(root->task); }

static void test_scheduler(void)
{
    ok(!notices(check_everything), "a sound machine passes");
    cpu_self()->ready_map[1] ^= 1;
    ok(notices(check_everything), "a ready bit without a thread");
    cpu_self()->ready_map[1] ^= 1;
    root->ready = true;
    ok(notices(check_everything), "a running thread that is on a queue");
    root->ready = false;
    ok(!notices(check_everything), "sound again");
}

static void test_slots(void)
{
    struct cap *slot = cap_slot(root->task, L4_SLOT_TASK);
    struct kobj *obj = cap_obj(slot);
    uint32_t refs = obj->refs;

    ok(!notices(check_root_task), "a sound task passes");
    obj->dead = true;
    ok(notices(check_root_task), "a capability for a dead object");
    obj->dead = false;
    obj->refs = 0;
    ok(notices(check_root_task), "a capability for an object without references");
    obj->refs = refs;
    obj->slots += 1;
    ok(notices(check_root_task), "a slot that its object does not know");
    obj->slots -= 1;
    ok(!notices(check_root_task), "sound again");
}

static void test_threads(void)
{
    root->flags |= THREAD_IN_FAULT | THREAD_IN_EXCEPTION;
    ok(notices(check_root_task), "a thread in fault and exception at once");
    root->flags &= ~(uint32_t)THREAD_KERNEL_IPC;
    root->ipc_state = IPC_SENDING;
    ok(notices(check_root_task), "a sender on no queue");
    root->ipc_state = IPC_IDLE;
    root->task_link.next->prev = &root->task_link;
    ok(!notices(check_root_task), "sound again");
}

int main(void)
{
    machine_start();
    host_on_halt = on_halt;
    host_output(true);
    test_scheduler();
    test_slots();
    test_threads();
    host_on_halt = NULL;
    machine_check();
    return tap_done();
}
