/* SPDX-License-Identifier: MIT */
/*
 * Boot order of the neutral kernel, and the two boot tasks: sigma0, which owns all memory, and the root task, which
 * sigma0 pages.
 */
#include "cpu.h"
#include "factory.h"
#include "ipc.h"
#include "main.h"
#include "map.h"
#include "objects.h"
#include "smp.h"
#include "task.h"

void kernel_cpu_init(struct cpu *c, unsigned id)
{
    struct thread *idle = &c->idle_thread;

    c->id = id;
    sched_init(c);
    c->timeouts.random = arch_clock_ticks() | 1;
    kobj_init(&idle->obj, &thread_ops, KOBJ_THREAD, NULL);
    arch_thread_init(idle);
    list_init(&idle->ready_link);
    list_init(&idle->senders);
    list_init(&idle->snd.link);
    idle->home = c;
    idle->quantum_us = idle->left_us = SCHED_QUANTUM_US;
    c->idle = c->current = c->context = idle;
}

static boot_code void put_cap(struct task *task, unsigned index, struct kobj *obj, unsigned rights)
{
    struct cap *slot = cap_slot_alloc(task, index);

    if (slot == NULL)
        kpanic("no memory for the boot capabilities", __FILE__, __LINE__);
    cap_insert(slot, obj, rights);
}

/* One boot task with its thread, bound and with the common capabilities; not started. */
static boot_code struct thread *boot_task(bool is_sigma0)
{
    struct task *task = task_create(&root_factory);
    struct thread *t = thread_create(&root_factory);

    if (task == NULL || t == NULL || ku_mem_add(task, L4_INITIAL_UTCB, 12) != OK ||
        thread_bind(t, task, L4_INITIAL_UTCB) != OK)
        kpanic("no memory for the boot tasks", __FILE__, __LINE__);
    task->is_sigma0 = is_sigma0;
    task->obj.boot = t->obj.boot = true;
    put_cap(task, L4_SLOT_TASK, &task->obj, CAP_ALL_RIGHTS);
    put_cap(task, L4_SLOT_FACTORY, &root_factory.obj, CAP_ALL_RIGHTS);
    put_cap(task, L4_SLOT_THREAD, &t->obj, CAP_ALL_RIGHTS);
    put_cap(task, L4_SLOT_LOG, &vcon_object, CAP_ALL_RIGHTS);
    put_cap(task, L4_SLOT_ICU, &icu_object, CAP_ALL_RIGHTS);
    put_cap(task, L4_SLOT_SCHEDULER, &sched_object, CAP_ALL_RIGHTS);
    t->handler = 0;
    return t;
}

static boot_code void boot_start(struct thread *t, word_t ip)
{
    sched_set(t, &boot_cpu, 1, 0);
    thread_start(t, ip, 0);
}

void kernel_start_boot_tasks(void)
{
    struct thread *sigma0, *root;
    struct gate *gate;

    if (kip.sigma0_ip == 0)
        return;
    sigma0 = boot_task(true);
    frame_set_arg(&sigma0->arch.frame, arch_virt_to_phys(&kip));
    boot_start(sigma0, kip.sigma0_ip);
    if (kip.root_ip == 0)
        return;
    root = boot_task(false);
    gate = gate_create(&root_factory, sigma0, 0x40);
    if (gate == NULL)
        kpanic("no memory for the gate to sigma0", __FILE__, __LINE__);
    gate->obj.boot = true;
    put_cap(root->task, L4_SLOT_PAGER, &gate->obj, CAP_ALL_RIGHTS & ~L4_OBJ_SERVER);
    root->pager = L4_SLOT_PAGER;
    boot_start(root, kip.root_ip);
}

void kernel_init_objects(void)
{
    kernel_cpu_init(&boot_cpu, 0);
    factory_module_init();
    thread_module_init();
    task_module_init();
    gate_module_init();
    irq_module_init();
    sem_module_init();
    map_module_init();
    vcon_init();
    icu_init();
    schedobj_init();
}

/* What is left when the last of boot_code has run. */
static cold_path _Noreturn void kernel_begin(unsigned count)
{
    arch_boot_end(count);
    arch_timer_start();
    boot_cpu.last_tick_us = arch_clock_us();
    kernel_enter(boot_cpu.idle, NULL);
    arch_resume(kernel_leave(boot_cpu.current));
}

_Noreturn void kernel_main(void)
{
    void *heap_start, *heap_end;
    unsigned count;

    arch_memory_init(&heap_start, &heap_end);
    frame_init(heap_start, heap_end);
    arch_init();
    kernel_init_objects();
    kprintf("Labe: %lu KiB of kernel memory\n", (unsigned long)(frame_free_bytes() / 1024));
    count = arch_cpus_start();
    kip.is_mp = count > 1;
    kernel_start_boot_tasks();
    kernel_begin(count);
}

_Noreturn void kernel_cpu_main(void)
{
    struct cpu *c = cpu_self();

    arch_timer_start();
    c->last_tick_us = arch_clock_us();
    kernel_enter(c->idle, NULL);
    arch_resume(kernel_leave(c->current));
}
