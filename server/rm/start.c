/* SPDX-License-Identifier: MIT */
/*
 * Entry of the in-task service. Nothing is initialised before us: no libc, no thread pointer. What the creator
 * left on the stack is found through the auxiliary vector, never by position.
 */
#include "rm.h"

struct startup startup;

void start(l4_umword_t *sp) __attribute__((noreturn, used));

__asm__(".globl _start\n"
        ".type _start, @function\n"
        "_start: mov %rsp, %rdi\n"
        "xor %ebp, %ebp\n"
        "and $-16, %rsp\n"
        "call start\n"
        "ud2\n");

/* Aux records for whoever loads us: where our stack and the kernel info page go. */
#define STACK_START 0x71000000ul
#define STACK_SIZE 0x20000ul
#define KIP_ADDRESS 0x6ffff000ul
__attribute__((section(".rol4re_elf_aux"), used)) static const uint64_t records[] = {
    2, 24, STACK_SIZE, 3, 24, STACK_START, 4, 24, KIP_ADDRESS, 0, 16,
};

static void stack_read(l4_umword_t *sp)
{
    startup.argc = (int)sp[0];
    startup.argv = (char **)(sp + 1);
    startup.envp = startup.argv + startup.argc + 1;
    l4_umword_t *p = (l4_umword_t *)startup.envp;
    while (*p != 0)
        p++;
    for (p++; *p != START_AT_NULL; p += 2) {
        if (p[0] == START_AT_L4_AUX)
            startup.aux = (struct start_aux *)p[1];
        else if (p[0] == START_AT_L4_ENV)
            startup.env = (struct start_env *)p[1];
        else if (p[0] == START_AT_L4_KIP)
            startup.kip = p[1];
    }
}

/* All that we need besides the pool: with the quota used up, our own faults could not be resolved any more. */
#define STACK_DEPTH 0x3000ul

static void memory_own(l4_addr_t sp)
{
    /* rm.ld */
    extern char rm_text_start[], rm_text_end[], rm_data_start[], rm_data_end[], rm_bss_start[], rm_bss_end[];
    const struct {
        l4_addr_t start, end;
        unsigned access;
    } part[] = {
        {sp - STACK_DEPTH, sp, ACCESS_WRITE},
        {(l4_addr_t)rm_data_start, (l4_addr_t)rm_data_end, ACCESS_WRITE},
        {(l4_addr_t)rm_bss_start, (l4_addr_t)rm_bss_end, ACCESS_WRITE},
        {(l4_addr_t)rm_text_start, (l4_addr_t)rm_text_end, ACCESS_FETCH},
    };

    for (unsigned i = 0; i < sizeof part / sizeof *part; i++)
        if (!pool_pages_own(part[i].start, part[i].end, part[i].access))
            die(EXIT_LOAD_FAILED, "cannot start '%s': no memory: the quota of one of its factories is too small",
                program_name());
}

void start(l4_umword_t *sp)
{
    stack_read(sp);
    if (startup.env == 0 || startup.aux == 0)
        __builtin_trap(); /* whoever made this task did not follow the interface: there is nobody to tell */
    memory_own((l4_addr_t)sp);
    slots_init(startup.env->first_free_cap);
    space_init();
    application_load();
    application_start();
    serve();
}
