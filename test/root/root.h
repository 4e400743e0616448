/* SPDX-License-Identifier: MIT */
/*
 * What a test that is booted as root task stands on: start code, the system call, output through the kernel console,
 * capabilities, and one helper thread. Nothing but abi/ is used, so that a fault of a library cannot hide one of the
 * kernel. Include it once per program, before tap.h; define `int test_main(void)`.
 */
#pragma once
#include <l4/errors.h>
#include <l4/kip.h>
#include <l4/msg.h>
#include <l4/proto.h>
#include <l4/types.h>
#include <l4/utcb.h>
#include <stddef.h>
#include <stdint.h>

#define SEL(slot) ((word_t)(slot) << L4_SEL_SHIFT)
#define OP_CALL (L4_OP_SEND | L4_OP_RECV)
#define OP_WAIT (L4_OP_RECV | L4_OP_OPEN_WAIT)
#define OP_REPLY_AND_WAIT (L4_OP_REPLY | L4_OP_SEND | OP_WAIT)
#define NEVER 0u

static int test_main(void);
static int root_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define tap_printf root_printf

static inline struct l4_utcb *utcb(void)
{
    struct l4_utcb *u;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(u));
    return u;
}

/* One system call; the label received is stored when asked for. */
static inline l4_tag invoke(word_t destination, l4_tag tag, word_t *label, unsigned timeout)
{
    word_t rsi = label != NULL ? *label : 0;
    register word_t r8 __asm__("r8") = timeout;

    __asm__ volatile("syscall"
                     : "+a"(tag.raw), "+S"(rsi), "+d"(destination)
                     : "r"(r8)
                     : "rcx", "r11", "rdi", "r15", "memory", "cc");
    if (label != NULL)
        *label = rsi;
    return tag;
}

/* ---- output ---- */

#define ROOT_LINE_SIZE L4_VCON_WRITE_MAX
#include "line.h"

static void root_flush(void)
{
    unsigned words = (root_line_length + 7) / 8;

    utcb()->mr[0] = L4_OP_VCON_WRITE;
    utcb()->mr[1] = root_line_length;
    __builtin_memcpy(&utcb()->mr[2], root_line, sizeof root_line);
    invoke(SEL(L4_SLOT_LOG) | L4_OP_SEND, l4_tag_make(L4_PROTO_LOG, words + 2, 0, 0), NULL, NEVER);
    root_line_length = 0;
}

/* ---- operations ---- */

/* A call whose words (and items) are in the message registers already; the label of the answer. */
static inline long call(word_t slot, long proto, unsigned words, unsigned items)
{
    l4_tag answer = invoke(SEL(slot) | OP_CALL, l4_tag_make(proto, words, items, 0), NULL, NEVER);
    return l4_tag_error(answer) ? -(long)(L4_ERR_IPC_BASE + utcb()->error) : l4_tag_label(answer);
}

static inline void put_cap_item(unsigned mr, word_t slot, unsigned rights)
{
    utcb()->mr[mr] = L4_ITEM_MAP;
    utcb()->mr[mr + 1] = l4_fpage_make(L4_FPAGE_OBJ, slot, 0, rights).raw;
}

static inline void receive_into_slot(word_t slot)
{
    utcb()->bdr = 0;
    utcb()->br[0] = SEL(slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    utcb()->br[1] = 0;
}

static inline long create(word_t slot, long proto)
{
    receive_into_slot(slot);
    utcb()->mr[0] = (word_t)proto;
    return call(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 1, 0);
}

/* CPUs of the threads that set_priority places, but the root thread: that is on the first. */
static word_t cpus_of_others = 1;

static inline void others_to_last_cpu(void)
{
    utcb()->mr[0] = L4_OP_SCHED_INFO;
    utcb()->mr[1] = 0;
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 2, 0);
    cpus_of_others = (utcb()->mr[0] + 1) >> 1;
}

static inline long set_priority(word_t thread, word_t priority)
{
    struct l4_utcb *u = utcb();

    u->mr[0] = L4_OP_SCHED_RUN_THREAD;
    u->mr[1] = cpus_of_others == 1 ? 0xff000000ul : 0; /* how many CPUs a bit stands for: 2^255, 1 */
    u->mr[2] = thread == L4_SLOT_THREAD ? 1 : cpus_of_others;
    u->mr[3] = priority;
    u->mr[4] = 0;
    put_cap_item(5, thread, 15);
    return call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
}

/* Thread in the own task: pager is sigma0, exceptions go to `handler`; not started. */
static inline long thread_make(word_t slot, struct l4_utcb *its_utcb, word_t handler)
{
    struct l4_utcb *u = utcb();
    long err = create(slot, L4_PROTO_THREAD);

    if (err < 0)
        return err;
    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER | L4_THREAD_BIND_TASK;
    u->mr[1] = SEL(L4_SLOT_PAGER);
    u->mr[2] = SEL(handler);
    u->mr[3] = u->mr[4] = 0;
    u->mr[5] = (word_t)its_utcb;
    put_cap_item(6, L4_SLOT_TASK, 15);
    return call(slot, L4_PROTO_THREAD, 6, 1);
}

static inline long thread_ex_regs(word_t slot, word_t ip, word_t sp, word_t flags)
{
    utcb()->mr[0] = L4_OP_THREAD_EX_REGS | flags;
    utcb()->mr[1] = ip;
    utcb()->mr[2] = sp;
    return call(slot, L4_PROTO_THREAD, 3, 0);
}

/* ---- start ---- */

static char root_stack[16384] __attribute__((aligned(16), used));

__asm__(".globl _start\n"
        "_start:\n"
        "    leaq root_stack + 16384(%rip), %rsp\n"
        "    xorl %ebp, %ebp\n"
        "    call root_start\n");

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    void *d = to;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n)::"memory");
    return to;
}
void *memset(void *to, int byte, size_t n)
{
    void *d = to;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(byte) : "memory");
    return to;
}

/* Never returns: a root task has nowhere to go. The last line tells whoever watches the console. */
__attribute__((noreturn, used)) static void root_start(void)
{
    int failed = test_main();

    root_printf("# root task ends: %s\n", failed ? "failed" : "passed");
    for (;;)
        invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, NEVER);
}
