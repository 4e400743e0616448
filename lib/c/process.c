/* SPDX-License-Identifier: MIT */
/*
 * The process as POSIX sees it: one task, so its numbers are constants; its end is a message to its parent. Signals are
 * sent by the program to itself only: kill, raise and abort call the handler, or end the program with 128 + number.
 * Faults of the processor are the in-task service's business: it is told the handlers of their signals, and ends a
 * program without one with the same numbers.
 */
#include "layer.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <l4/re/c/parent.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>
#include <l4/sys/ipc.h>
#include <l4/sys/kip.h>

#define PROCESS_ID 1
#define SIGNALS 64
#define SIGNAL_CANCEL 33 /* musl's own: cancellation */
#define SIGNAL_SYNC 34   /* musl's own: run something in every thread */
#define ITAS_SIGACTION 2
#define ITAS_RAISE 8

/* ---- the end ---- */

_Noreturn void labe_process_end(int code)
{
    l4re_parent_signal(l4re_env()->parent, 0, (unsigned long)code);
    for (;;) /* a parent that does not destroy the task has a sleeping one */
        l4_ipc_sleep(L4_IPC_NEVER);
}

long labe_sys_exit_group(const long *a)
{
    labe_process_end((int)a[0]);
}

/* ---- constants ---- */

long labe_sys_getpid(const long *a) { (void)a; return PROCESS_ID; }
long labe_sys_getppid(const long *a) { (void)a; return 0; }
long labe_sys_getuid(const long *a) { (void)a; return 0; }
long labe_sys_geteuid(const long *a) { (void)a; return 0; }
long labe_sys_getgid(const long *a) { (void)a; return 0; }
long labe_sys_getegid(const long *a) { (void)a; return 0; }
long labe_sys_getpgid(const long *a) { return a[0] == 0 || a[0] == PROCESS_ID ? PROCESS_ID : -ESRCH; }
long labe_sys_getsid(const long *a) { return labe_sys_getpgid(a); }

long labe_sys_uname(const long *a)
{
    struct utsname *u = (struct utsname *)a[0];

    memset(u, 0, sizeof *u);
    strcpy(u->sysname, "Labe");
    strcpy(u->nodename, "labe");
    strcpy(u->release, "L4Re");
    strncpy(u->version, l4_kip_version_string(l4_kip()), sizeof u->version - 1);
    strcpy(u->machine, "x86_64");
    return 0;
}

long labe_sys_sysinfo(const long *a)
{
    struct sysinfo *s = (struct sysinfo *)a[0];

    memset(s, 0, sizeof *s);
    s->uptime = (unsigned long)(labe_clock_us() / 1000000u);
    s->procs = 1;
    s->mem_unit = 1;
    return 0;
}

long labe_sys_getrusage(const long *a)
{
    struct rusage *r = (struct rusage *)a[1];
    uint64_t us = labe_process_time_us();

    memset(r, 0, sizeof *r);
    r->ru_utime = (struct timeval){(time_t)(us / 1000000u), (suseconds_t)(us % 1000000u)};
    return 0;
}

static long limit_of(long resource, struct rlimit *r)
{
    if (resource < 0 || resource >= RLIM_NLIMITS)
        return -EINVAL;
    if (r != NULL)
        r->rlim_cur = r->rlim_max = resource == RLIMIT_STACK    ? 0x200000
                                    : resource == RLIMIT_NOFILE ? 64
                                                                : RLIM_INFINITY;
    return 0;
}

long labe_sys_getrlimit(const long *a)
{
    return limit_of(a[0], (struct rlimit *)a[1]);
}

long labe_sys_prlimit64(const long *a)
{
    if (a[0] != 0 && a[0] != PROCESS_ID)
        return -ESRCH;
    if (a[2] != 0)
        return -EPERM;
    return limit_of(a[1], (struct rlimit *)a[3]);
}

long labe_sys_getcpu(const long *a)
{
    (void)a; /* no object tells a thread where it runs */
    return -ENOSYS;
}

/* ---- signals ---- */

struct action { /* as musl hands it over: its struct k_sigaction */
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static struct action actions[SIGNALS + 1];

static uint64_t bit_of(long n)
{
    return (uint64_t)1 << (n - 1);
}

/* A fault of the processor is noticed by the in-task service: it has to know who handles it. */
static int raised_by_faults(long n)
{
    return n == SIGILL || n == SIGTRAP || n == SIGBUS || n == SIGFPE || n == SIGSEGV;
}

static void fault_action_set(long n, const struct action *action)
{
    struct {
        uint64_t handler, flags, restorer, mask[16];
    } wire = {(uintptr_t)action->handler, action->flags & 0xffffffffu, (uintptr_t)action->restorer, {action->mask}};
    struct l4re_call c;

    if (l4_is_invalid_cap(l4re_env()->itas))
        return;
    l4re_call_start(&c, ITAS_SIGACTION);
    l4re_wr_i32(&c.out, (int)n);
    l4re_wr_data(&c.out, &wire, sizeof wire, 8);
    (void)l4re_call(&c, l4re_env()->itas, L4RE_PROTO_ITAS, L4_IPC_NEVER);
}

/* The default action of most signals. The in-task service says on the log what happened and ends the program. */
static _Noreturn void signal_end(long n)
{
    struct l4re_call c;

    if (l4_is_valid_cap(l4re_env()->itas)) {
        l4re_call_start(&c, ITAS_RAISE);
        l4re_wr_i32(&c.out, (int)n);
        l4re_wr_cap(&c.out, l4re_env()->main_thread, L4_CAP_FPAGE_RWS);
        (void)l4re_call(&c, l4re_env()->itas, L4RE_PROTO_ITAS, L4_IPC_NEVER);
    }
    labe_process_end(128 + (int)n);
}

static int ignored_by_default(long n)
{
    return n == SIGCHLD || n == SIGCONT || n == SIGURG || n == SIGWINCH;
}

long labe_sys_rt_sigaction(const long *a)
{
    const struct action *new = (const struct action *)a[1];
    struct action *old = (struct action *)a[2];

    if (a[0] < 1 || a[0] > SIGNALS || (new != NULL && (a[0] == SIGKILL || a[0] == SIGSTOP)))
        return -EINVAL;
    if (a[0] == SIGNAL_SYNC)
        return -ENOSYS; /* no thread can be made to run something in the middle of what it does */
    if (old != NULL)
        *old = actions[a[0]];
    if (new != NULL) {
        actions[a[0]] = *new;
        if (raised_by_faults(a[0]))
            fault_action_set(a[0], new);
    }
    return 0;
}

/* Runs the handler on the calling thread, as if the signal had come between two instructions. */
static void signal_handle(struct labe_thread *self, long n)
{
    struct action action = actions[n];
    uint64_t blocked = self->signals_blocked;

    if (action.handler == SIG_IGN || (action.handler == SIG_DFL && ignored_by_default(n)))
        return;
    if (action.handler == SIG_DFL)
        signal_end(n);
    if (action.flags & (unsigned long)SA_RESETHAND)
        actions[n].handler = SIG_DFL;
    self->signals_blocked |= action.mask | (action.flags & SA_NODEFER ? 0 : bit_of(n));
    if (action.flags & SA_SIGINFO) {
        siginfo_t information = {.si_signo = (int)n, .si_code = SI_TKILL};
        ucontext_t context = {0};
        ((void (*)(int, siginfo_t *, void *))(uintptr_t)action.handler)((int)n, &information, &context);
    } else {
        action.handler((int)n);
    }
    self->signals_blocked = blocked;
}

static void signals_deliver(struct labe_thread *self)
{
    uint64_t ready;

    while ((ready = self->signals_pending & ~self->signals_blocked) != 0) {
        long n = __builtin_ctzll(ready) + 1;
        self->signals_pending &= ~bit_of(n);
        signal_handle(self, n);
    }
}

/* Signals reach the calling thread itself; another one can only be asked to cancel. */
static long signal_send(struct labe_thread *t, long n)
{
    struct labe_thread *self = labe_thread_self();

    if (n < 0 || n > SIGNALS)
        return -EINVAL;
    if (t == NULL || self == NULL)
        return -ESRCH;
    if (n == 0)
        return 0;
    if (n == SIGNAL_CANCEL) {
        labe_thread_interrupt(t);
        labe_console_interrupt();
        return 0;
    }
    if (n == SIGKILL)
        signal_end(n);
    if (t != self) {
        if (actions[n].handler == SIG_DFL && !ignored_by_default(n))
            signal_end(n); /* ends every thread, whichever was meant */
        return actions[n].handler == SIG_IGN || actions[n].handler == SIG_DFL ? 0 : -ENOSYS;
    }
    self->signals_pending |= bit_of(n);
    signals_deliver(self);
    return 0;
}

long labe_sys_kill(const long *a)
{
    if (a[0] != PROCESS_ID && a[0] != 0 && a[0] != -1)
        return -ESRCH;
    return signal_send(labe_thread_self(), a[1]);
}

long labe_sys_tkill(const long *a)
{
    return signal_send(labe_thread_find(a[0]), a[1]);
}

long labe_sys_tgkill(const long *a)
{
    return a[0] == PROCESS_ID ? signal_send(labe_thread_find(a[1]), a[2]) : -ESRCH;
}

long labe_sys_rt_sigprocmask(const long *a)
{
    struct labe_thread *self = labe_thread_self();
    const uint64_t *set = (const uint64_t *)a[1];
    uint64_t *old = (uint64_t *)a[2];

    if (self == NULL)
        return -ENOSYS;
    uint64_t before = self->signals_blocked, unblockable = bit_of(SIGKILL) | bit_of(SIGSTOP);
    if (set != NULL) {
        switch (a[0]) {
        case SIG_BLOCK:
            self->signals_blocked |= *set & ~unblockable;
            break;
        case SIG_UNBLOCK:
            self->signals_blocked &= ~*set;
            break;
        case SIG_SETMASK:
            self->signals_blocked = *set & ~unblockable;
            break;
        default:
            return -EINVAL;
        }
    }
    if (old != NULL)
        *old = before;
    signals_deliver(self);
    return 0;
}

long labe_sys_rt_sigpending(const long *a)
{
    const struct labe_thread *self = labe_thread_self();

    *(uint64_t *)a[0] = self != NULL ? self->signals_pending : 0;
    return 0;
}
