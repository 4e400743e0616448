/* SPDX-License-Identifier: MIT */
/*
 * The root task: takes all memory, makes the boot modules a file system, starts the init process, and then serves
 * dataspaces, name spaces, region maps, logs, factories for as long as the machine runs.
 *
 * The boot order is moe_main, top to bottom. Reading order of the rest: object.h (life of an object), server.c (the
 * loop), factory.c (who creates and pays), then one file per kind of object.
 */
#include "boot_fs.h"
#include "dma.h"
#include "exit.h"
#include "loader.h"
#include "mem.h"
#include "moe.h"
#include "page.h"
#include <l4/sys/ipc.h>
#include <l4/sys/kip.h>
#include <l4/sys/scheduler.h>

#define OWN_PRIORITY 255u
#define USER_LOW 0x1000ul /* no program has anything at address 0 */

struct moe moe;

char l4_start_stack[64 * 1024] __attribute__((aligned(16)));
unsigned long const l4_start_stack_size = sizeof l4_start_stack;

void fatal(const char *why, long error)
{
    say("%s: error %ld; nothing can be started", why, error);
    exit_machine(EXIT_NO_INIT);
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

static void must(long result, const char *what)
{
    if (result < 0)
        fatal(what, result);
}

static void command_line_warn(const char *message, const char *word) { say("command line: %s: %s", message, word); }

/* The range of addresses programs may use, from the kernel's memory descriptors. */
static void user_range(const struct l4_kip *kip)
{
    const struct l4_mem_desc *d = (const struct l4_mem_desc *)((const char *)kip + kip->mem_offset);

    moe.user_low = USER_LOW;
    moe.user_high = L4_USER_END - 1;
    for (unsigned i = 0; i < kip->mem_count; i++)
        if (l4_mem_desc_type(d[i]) == L4_MEM_CONVENTIONAL && (d[i].low & L4_MEM_VIRTUAL) != 0)
            moe.user_high = l4_mem_desc_end(d[i]);
}

static void moe_main(void)
{
    l4_sched_param_t param = l4_sched_param(OWN_PRIORITY, 0);

    moe.options.debug = DEBUG_INFO | DEBUG_WARN; /* until the command line is known */
    l4_scheduler_run_thread(L4_BASE_SCHEDULER_CAP, L4_BASE_THREAD_CAP, &param);
    moe.kip = mem_kip();
    if (moe.kip == NULL)
        for (;;) /* without the clock not even a message can be written */
            l4_ipc_sleep(L4_IPC_NEVER);
    l4_global_kip = moe.kip;
    must(mem_take_all() ? 0 : -L4_ENOMEM, "taking all memory");
    cmdline_parse(&moe.options, boot_command_line(moe.kip->user_ptr), command_line_warn);
    user_range(moe.kip);
    factory_init_root();
    must(server_init(), "preparing the server");
    must(boot_fs_init(moe.kip->user_ptr), "reading the boot modules");
    dma_init();
    debug(DEBUG_INFO, "root task: %lu MiB of memory, starting %s", page_total() >> 8, moe.options.init);
    if (init_start() < 0)
        exit_machine(EXIT_NO_INIT);
    server_run();
}

void l4_start(unsigned long rdi, l4_umword_t *stack);
void l4_start(unsigned long rdi, l4_umword_t *stack)
{
    (void)rdi;
    (void)stack;
    moe_main();
}
