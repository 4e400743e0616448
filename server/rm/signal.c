/* SPDX-License-Identifier: MIT */
/*
 * Exceptions of the application's threads and POSIX signals.
 *
 * A CPU exception becomes a signal of the thread that raised it. A signal with a handler becomes a frame on the
 * thread's stack (or its alternate one): siginfo, machine context in the libc's layout, and a copy of the UTCB,
 * because the handler may do IPC where the interrupted code was about to. The handler returns to an address in a
 * page that stays empty; the fault there brings us back, and the frame restores everything. Without a handler the
 * program ends here, with one line.
 */
#include "signal.h"
#include "thread.h"

#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGURG 23
#define SIGWINCH 28

#define ACTION_DEFAULT 0ul
#define ACTION_IGNORE 1ul
#define FLAG_SIGINFO 0x4ul
#define FLAG_ONSTACK 0x08000000ul
#define FLAG_NODEFER 0x40000000ul
#define FLAG_RESETHAND 0x80000000ul
#define FLAGS_KNOWN 0xdc000007ul
#define FLAGS_QUERY 0xfffffffful

#define TRAP_DEBUG 1
#define TRAP_BREAKPOINT 3
#define TRAP_PAGE_FAULT 14
#define PF_ERROR_WRITE 2ul
#define PF_ERROR_FETCH 0x10ul

static struct signal_action actions[SIGNAL_MAX + 1];
static struct thread *after_reply;

/* ---- words ---- */

static const char *signal_name(int signal)
{
    switch (signal) {
    case SIGILL: return "illegal instruction";
    case SIGTRAP: return "trap";
    case SIGABRT: return "abort";
    case SIGBUS: return "bus error";
    case SIGFPE: return "arithmetic error";
    case SIGSEGV: return "memory access";
    default: return "signal";
    }
}

/* ---- the end of the program ---- */

struct cause {
    int signal, code;
    l4_addr_t address;
};

static void say_page_fault(const l4_exc_regs_t *r)
{
    unsigned access = (r->err & PF_ERROR_FETCH) != 0 ? ACCESS_FETCH : (r->err & PF_ERROR_WRITE) != 0 ? ACCESS_WRITE : 0;
    const char *what = access == ACCESS_FETCH ? "execute" : access == ACCESS_WRITE ? "write" : "read";

    say("%s: fatal signal %d (%s): %s at address %lx, instruction pointer %lx: %s", program_name(), SIGSEGV,
        signal_name(SIGSEGV), what, r->pfa, r->ip, fault_reason(r->pfa, access));
}

static void say_fatal(const struct cause *c, const l4_exc_regs_t *r)
{
    if (r == 0)
        say("%s: fatal signal %d (%s)", program_name(), c->signal, signal_name(c->signal));
    else if (c->signal == SIGSEGV && r->trapno == TRAP_PAGE_FAULT)
        say_page_fault(r);
    else if (c->signal == SIGSEGV)
        say("%s: fatal signal %d (%s): privileged instruction, I/O port, or an address that is none, "
            "instruction pointer %lx (trap %lu, error %lx)", program_name(), c->signal, signal_name(c->signal), r->ip,
            r->trapno, r->err);
    else
        say("%s: fatal signal %d (%s): instruction pointer %lx (trap %lu)", program_name(), c->signal,
            signal_name(c->signal), r->ip, r->trapno);
}

#define DEBUG_EXCEPTIONS 0x20ul

static void say_registers(const l4_exc_regs_t *r)
{
    if (r == 0 || (startup.aux->dbg_level & DEBUG_EXCEPTIONS) == 0)
        return;
    say("  rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx", r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi);
    say("  rbp %lx rsp %lx r8 %lx r9 %lx r10 %lx r11 %lx", r->rbp, r->sp, r->r8, r->r9, r->r10, r->r11);
    say("  r12 %lx r13 %lx r14 %lx r15 %lx flags %lx fs %lx", r->r12, r->r13, r->r14, r->r15, r->flags, r->fs_base);
}

static _Noreturn void program_end(const struct cause *c, const l4_exc_regs_t *r)
{
    if (r != 0 || c->signal == SIGILL || c->signal == SIGABRT || c->signal == SIGFPE || c->signal == SIGSEGV)
        say_fatal(c, r);
    say_registers(r);
    leave(128 + c->signal);
}

/* ---- frames ---- */

#define RED_ZONE 128ul
#define FRAME_MAGIC 0x6c61626566726d31ul
#define CONTEXT_WORDS 53
#define CONTEXT_GREGS 5
#define CONTEXT_FPU 28
#define CONTEXT_MASK 37
#define GREGS 18 /* r8 ... flags: those that a handler may change */

struct frame {
    uint64_t return_address;
    uint64_t magic;
    struct {
        int32_t signal, error, code, pad;
        uint64_t address;
        uint64_t rest[13];
    } info;
    uint64_t context[CONTEXT_WORDS]; /* without the FPU state, to which word 28 points */
    unsigned char fpu[FPU_STATE_SIZE];
    uint64_t mr[L4_UTCB_GENERIC_DATA_SIZE];
    uint64_t buffers[1 + L4_UTCB_GENERIC_BUFFERS_SIZE];
    uint64_t error;
};

/* The machine context's order of our register block. */
static void gregs_of(const l4_exc_regs_t *r, uint64_t g[GREGS])
{
    const uint64_t order[GREGS] = {r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15, r->rdi, r->rsi, r->rbp,
                                   r->rbx, r->rdx, r->rax, r->rcx, r->sp, r->ip, r->flags};

    memcpy(g, order, sizeof order);
}

static void gregs_to(l4_exc_regs_t *r, const uint64_t g[GREGS])
{
    l4_umword_t *const order[GREGS] = {&r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15, &r->rdi,
                                       &r->rsi, &r->rbp, &r->rbx, &r->rdx, &r->rax, &r->rcx, &r->sp, &r->ip, &r->flags};

    for (unsigned i = 0; i < GREGS; i++)
        *order[i] = g[i];
}

static l4_addr_t frame_place(const struct thread *t, const struct signal_action *a, l4_addr_t sp)
{
    l4_addr_t top = sp - RED_ZONE;
    int on_stack = sp - t->stack.start < t->stack.size;

    if ((a->flags & FLAG_ONSTACK) != 0 && (t->stack.flags & STACK_OFF) == 0 && !on_stack)
        top = t->stack.start + t->stack.size;
    return ((top - sizeof(struct frame)) & ~15ul) - 8;
}

/* Makes *r continue at the handler. 0, or negative when there is no stack to write to. */
static int frame_push(struct thread *t, const struct cause *c, l4_exc_regs_t *r)
{
    static struct frame f;
    struct signal_action *a = &actions[c->signal];
    l4_addr_t at = frame_place(t, a, r->sp);
    const l4_utcb_t *u = (const l4_utcb_t *)t->utcb;

    memset(&f, 0, sizeof f);
    f.return_address = signal_return_address;
    f.magic = FRAME_MAGIC;
    f.info.signal = c->signal;
    f.info.code = c->code;
    f.info.address = c->address;
    f.context[2] = t->stack.start;
    f.context[3] = (uint32_t)t->stack.flags;
    f.context[4] = t->stack.size;
    gregs_of(r, &f.context[CONTEXT_GREGS]);
    f.context[CONTEXT_GREGS + 19] = r->err;
    f.context[CONTEXT_GREGS + 20] = r->trapno;
    f.context[CONTEXT_GREGS + 22] = r->pfa;
    f.context[CONTEXT_FPU] = at + __builtin_offsetof(struct frame, fpu);
    f.context[CONTEXT_MASK] = t->blocked;
    memcpy(f.fpu, fpu_state, sizeof f.fpu);
    memcpy(f.mr, u->mr, sizeof f.mr);
    memcpy(f.buffers, &u->bdr, sizeof f.buffers);
    f.error = u->error;
    if (user_write(at, &f, sizeof f) < 0)
        return -1;
    r->rdi = (l4_umword_t)c->signal;
    r->rsi = at + __builtin_offsetof(struct frame, info);
    r->rdx = at + __builtin_offsetof(struct frame, context);
    r->rax = 0;
    r->ip = a->handler;
    r->sp = at;
    r->flags &= ~0x400ul; /* the direction flag is clear at a function's entry */
    t->blocked |= a->mask[0];
    if ((a->flags & FLAG_NODEFER) == 0)
        t->blocked |= 1ul << (c->signal - 1);
    if ((a->flags & FLAG_RESETHAND) != 0)
        memset(a, 0, sizeof *a);
    return 0;
}

/* The handler may have written anything there: reserved bits of MXCSR would fault in our hands. */
#define FPU_MXCSR 24
#define FPU_MXCSR_MASK 28
#define MXCSR_OLDEST 0xffbfu

static void fpu_restore(const unsigned char *saved)
{
    uint32_t mxcsr, mask;

    memcpy(&mask, fpu_state + FPU_MXCSR_MASK, sizeof mask);
    memcpy(fpu_state, saved, FPU_STATE_SIZE);
    memcpy(&mxcsr, fpu_state + FPU_MXCSR, sizeof mxcsr);
    mxcsr &= mask != 0 ? mask : MXCSR_OLDEST;
    memcpy(fpu_state + FPU_MXCSR, &mxcsr, sizeof mxcsr);
}

/* The handler has returned: its return instruction left the stack pointer behind the return address. */
static int frame_pop(struct thread *t, l4_exc_regs_t *r)
{
    static struct frame f;
    l4_utcb_t *u = (l4_utcb_t *)t->utcb;

    if (user_read(&f, r->sp - 8, sizeof f) < 0 || f.magic != FRAME_MAGIC)
        return -1;
    gregs_to(r, &f.context[CONTEXT_GREGS]);
    t->blocked = f.context[CONTEXT_MASK];
    fpu_restore(f.fpu);
    memcpy(u->mr, f.mr, sizeof f.mr);
    memcpy(&u->bdr, f.buffers, sizeof f.buffers);
    u->error = f.error;
    return 0;
}

/* ---- delivery ---- */

static int ignored_by_default(int signal)
{
    return signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH;
}

/* Frames for everything that is pending and not blocked; the last one pushed runs first. */
static void deliver_pending(struct thread *t, l4_exc_regs_t *r)
{
    int signal;

    while ((signal = thread_deliverable(t)) != 0) {
        struct cause c = {signal, 0, 0};
        t->pending &= ~(1ul << (signal - 1));
        l4_umword_t handler = actions[signal].handler;
        if (handler == ACTION_IGNORE || (handler == ACTION_DEFAULT && ignored_by_default(signal)))
            continue;
        if (handler == ACTION_DEFAULT)
            program_end(&c, 0);
        if (frame_push(t, &c, r) < 0) {
            c.signal = SIGSEGV;
            program_end(&c, r);
        }
    }
}

static int cause_of(const l4_exc_regs_t *r, struct cause *c)
{
    *c = (struct cause){0, 1, r->ip};
    switch (r->trapno) {
    case 0: case 16: case 19:
        c->signal = SIGFPE;
        break;
    case TRAP_DEBUG:
        c->signal = SIGTRAP;
        break;
    case 6:
        c->signal = SIGILL;
        break;
    case 4: case 5: case 13:
        *c = (struct cause){SIGSEGV, 128, 0};
        break;
    case 11: case 12: case 17:
        c->signal = SIGBUS;
        break;
    case TRAP_PAGE_FAULT:
        *c = (struct cause){SIGSEGV, region_find(&space, r->pfa, r->pfa) != 0 ? 2 : 1, r->pfa};
        break;
    default:
        return -1;
    }
    return 0;
}

/* Turns the state into what the thread shall do next; NO_REPLY leaves it stopped. */
static long exception_handle(struct thread *t, l4_exc_regs_t *r)
{
    struct cause c;

    if (t != 0 && r->trapno == TRAP_PAGE_FAULT && r->ip == signal_return_address) {
        if (frame_pop(t, r) < 0)
            program_end(&(struct cause){SIGSEGV, 1, r->pfa}, r);
        deliver_pending(t, r);
        return 0;
    }
    if (t != 0 && r->trapno == L4_TRAP_TRIGGERED && t->triggered) {
        t->triggered = 0;
        deliver_pending(t, r);
        return 0;
    }
    if (service_rescue(&r->ip))
        return 0;
    if (cause_of(r, &c) < 0) {
        say("%s: unhandled exception: trap %lu, error %lx, instruction pointer %lx; this thread stays stopped",
            program_name(), r->trapno, r->err, r->ip);
        return NO_REPLY;
    }
    l4_umword_t handler = actions[c.signal].handler;
    if (t == 0 || handler == ACTION_DEFAULT || handler == ACTION_IGNORE || (t->blocked >> (c.signal - 1) & 1) != 0 ||
        frame_push(t, &c, r) < 0)
        program_end(&c, r);
    return 0;
}

long exception(struct rpc *in, struct rpc *out, struct thread *t)
{
    l4_exc_regs_t regs;
    const void *raw = rpc_get_raw(in, sizeof regs);

    if (raw == 0)
        return -L4_EMSGTOOSHORT;
    memcpy(&regs, raw, sizeof regs);
    long r = exception_handle(t, &regs);
    if (r >= 0)
        rpc_put_raw(out, &regs, sizeof regs);
    return r;
}

/* ---- what the application asks for ---- */

static int signal_wrong(int signal) { return signal < 1 || signal > SIGNAL_MAX; }

long signal_action_change(int signal, const struct signal_action *a, struct signal_action *old)
{
    if (signal_wrong(signal))
        return -L4_EINVAL;
    *old = actions[signal];
    if (a->flags == FLAGS_QUERY)
        return 0;
    if (signal == SIGKILL || signal == SIGSTOP || (a->flags & ~FLAGS_KNOWN) != 0)
        return -L4_EINVAL;
    actions[signal] = *a;
    return 0;
}

/* The thread may wait for our reply: it is interrupted once it has it (see serve.c). */
static void interrupt(struct thread *t)
{
    if (thread_deliverable(t) != 0)
        after_reply = t;
}

long signal_raise(int signal, struct thread *t)
{
    if (signal_wrong(signal))
        return -L4_EINVAL;
    l4_umword_t handler = actions[signal].handler;
    if (handler == ACTION_IGNORE || (handler == ACTION_DEFAULT && ignored_by_default(signal)))
        return 0;
    if (signal == SIGKILL || (handler == ACTION_DEFAULT && (t->blocked >> (signal - 1) & 1) == 0))
        program_end(&(struct cause){signal, 0, 0}, 0);
    t->pending |= 1ul << (signal - 1);
    interrupt(t);
    return 0;
}

void signal_raise_process(int signal)
{
    struct thread *t = thread_not_blocking(1ul << (signal - 1));

    if (t != 0)
        signal_raise(signal, t);
}

long signal_mask_change(int how, signal_set set, struct thread *t, signal_set *old)
{
    const signal_set never = 1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1);

    *old = t->blocked;
    switch (how) {
    case 0: t->blocked |= set; break;
    case 1: t->blocked &= ~set; break;
    case 2: t->blocked = set; break;
    default: return -L4_EINVAL;
    }
    t->blocked &= ~never;
    interrupt(t);
    return 0;
}

struct thread *signal_after_reply(void)
{
    struct thread *t = after_reply;

    after_reply = 0;
    return t;
}

/* Ends whatever the thread waits for, and makes it raise an exception before its next instruction. */
void signal_interrupt(struct thread *t)
{
    struct rpc m = rpc_write();

    t->triggered = 1;
    rpc_put64(&m, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL | L4_EXREGS_TRIGGER);
    rpc_put64(&m, ~0ul);
    rpc_put64(&m, ~0ul);
    rpc_call(&m, t->slot, L4_PROTO_THREAD);
}
