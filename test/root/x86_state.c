/* SPDX-License-Identifier: MIT */
/*
 * Register state on x86-64: whatever a thread or its exception handler puts into registers, flags, segments and FPU
 * arrives where it belongs, and nothing of it harms the kernel. A victim thread runs pieces of code that trap; the
 * root task is its exception handler and looks at, or changes, what it sees.
 */
#include "root.h"
#include "tap.h"

#define SLOT_VICTIM 0x20
#define SLOT_OTHER 0x21
#define SLOT_CODE32 0x22
#define SLOT_TASK 0x23
#define SLOT_STRANGER 0x24
#define RDX_SELF "movq $-2048 + 2, %rdx\n" /* closed receive from oneself: a sleep */
#define TOP_PAGE 0x7ffffffff000ul
#define GDT_FIRST 0x5b

static char stack_victim[8192] __attribute__((aligned(16)));
static char stack_other[8192] __attribute__((aligned(16)));
static volatile word_t seen[8];
static struct l4_exc_regs state;
static l4_tag last;

/* ---- code that the victim runs; each ends in a trap ---- */
#define CODE(name, text) \
    extern char name[];  \
    __asm__(".text\n.globl " #name "\n" #name ":\n" text)

CODE(v_ud2, "ud2\n");
CODE(v_flags, "pushq $0x250ed7\n popfq\n ud2\n");
CODE(v_store, "pushfq\n popq seen\n movq %rsp, seen + 8\n movl %ss, %eax\n movq %rax, seen + 16\n ud2\n");
/* A system call (sleep, 0 µs) with every flag that user code can set, but for TF. */
CODE(v_syscall_flags, "movq $0x400, %r8\n xorl %eax, %eax\n" RDX_SELF
                      "pushq $0x240ed7\n popfq\n syscall\n pushfq\n popq seen\n cld\n ud2\n");
CODE(v_syscall_trap, "movq $0x400, %r8\n xorl %eax, %eax\n" RDX_SELF
                     "pushq $0x302\n popfq\n syscall\n nop\n nop\n");
CODE(v_selectors, "movl $0x23, %eax\n movl %eax, %fs\n movl %eax, %gs\n movl $0x2b, %eax\n movl %eax, %ds\n"
                  "xorl %eax, %eax\n movl %eax, %es\n ud2\n");
CODE(v_gs_null, "xorl %eax, %eax\n movl %eax, %gs\n movl %eax, %fs\n ud2\n");
CODE(v_user_entry, "movl $0x5b, %eax\n movl %eax, %fs\n movq %fs:0, %rbx\n ud2\n");
CODE(v_fs, "movq %fs:0, %rbx\n ud2\n");
CODE(v_code32, "ljmpl *code32\n .code32\n in_code32: movl $0x1234, %ebx\n syscall\n int $0x80\n .code64\n"
               ".data\n code32: .long in_code32\n .short 0x1b\n .text\n");
CODE(v_port, "inb $0x71, %al\n ud2\n");
CODE(v_cr, "movq %cr0, %rax\n");
CODE(v_fpu_set, "movq $0x1111, %rax\n movq %rax, %xmm7\n fld1\n ud2\n"
                "movq %xmm7, seen\n fistpq seen + 8\n ud2\n");
CODE(v_fpu_read, "movq %xmm7, seen\n stmxcsr seen + 8\n fnstcw seen + 16\n ud2\n");
CODE(v_spin, "1: movq %rcx, %xmm7\n movq %xmm7, %rbx\n cmpq %rbx, %rcx\n jne 2f\n addq $1, seen(,%rdi,8)\n jmp 1b\n"
             "2: ud2\n");
/* A page whose last instruction is a system call; sigma0 gives the pages of text with the right to execute. */
extern char top_page[];
__asm__(".text\n.balign 4096\ntop_page: .skip 4094, 0xcc\nsyscall\n");

static void pause_us(unsigned us) /* mantissa 2^4 */
{
    invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 4u << 10 | us / 16);
}

static void wait_exception(word_t destination, l4_tag tag)
{
    last = invoke(destination, tag, NULL, NEVER);
    memcpy(&state, utcb()->mr, sizeof state);
}

/* The next exception of the victim, which was started at `code`. */
static void run(const char *code)
{
    thread_ex_regs(SLOT_VICTIM, (word_t)code, (word_t)stack_victim + sizeof stack_victim, L4_EXREGS_CANCEL);
    utcb()->bdr = 0;
    utcb()->br[0] = 0;
    wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
}

/* Answers with `state` and waits for the next exception. */
static void go_on(void)
{
    memcpy(utcb()->mr, &state, sizeof state);
    wait_exception(L4_SEL_INVALID | OP_REPLY_AND_WAIT, l4_tag_make(0, L4_EXC_WORDS, 0, 0));
}

static void go_on_at(const char *code)
{
    state.ip = (word_t)code;
    go_on();
}

static int at(const char *code, unsigned offset) { return state.ip == (word_t)code + offset; }

/* ---- general registers and flags ---- */

static void test_registers(void)
{
    word_t *r = (word_t *)&state;
    int same = 1;

    run(v_ud2);
    is(l4_tag_label(last), L4_PROTO_EXCEPTION, "exception message");
    is(state.trapno, 6, "invalid opcode");
    for (unsigned i = 0; i < 16; i++)
        r[i] = 0x1111111111111111ul * (i + 1) % 0xfffffffffffful;
    struct l4_exc_regs before = state;
    go_on();
    for (unsigned i = 0; i < 16; i++)
        same &= r[i] == ((word_t *)&before)[i];
    ok(same, "all general registers go to the thread and come back");
}

static void test_flags(void)
{
    run(v_flags);
    is(state.flags & 0x240ed5, 0x240ed5, "flags that user code sets are seen");
    state.flags = 0x7000; /* NT, IOPL 3, no IF */
    go_on_at(v_store);
    is(seen[0] & 0x7200, 0x200, "NT and IOPL are cleared, IF is set");
    run(v_syscall_flags);
    is(seen[0] & 0x240ed5, 0x240ed5, "flags survive a system call");
    run(v_syscall_trap);
    is(state.trapno, 1, "single step over a system call");
    ok(state.ip > (word_t)v_syscall_trap, "  and the thread has moved");
    state.flags = 0x202;
    go_on_at(v_ud2);
}

/* ---- what the CPU refuses ---- */

static void test_refused(void)
{
    static const word_t selectors[] = {0, 0x2b, 0x10, 0x5b, 0x33, 0xffff, 0x7};
    word_t *r = (word_t *)&state;

    for (unsigned i = 0; i < sizeof selectors / sizeof selectors[0]; i++) {
        run(v_ud2);
        for (unsigned k = 0; k < 16; k++)
            r[k] = 0xab00 + k;
        state.ss = selectors[i];
        go_on_at(v_store);
        int kept = 1;
        for (unsigned k = 0; k < 16; k++)
            kept &= k == 11 || r[k] == 0xab00 + k;
        ok(state.trapno == 13 && at(v_store, 0) && kept, "bad stack segment: exception 13, registers intact");
        go_on();
        ok(state.trapno == 6 && seen[2] == 0x23, "  and the thread goes on with the usual one");
    }
    run(v_ud2);
    go_on_at((char *)0x800000000000ul);
    ok(state.trapno == 14 && state.pfa >= L4_USER_END, "instruction pointer that is not canonical: exception");
    run(v_ud2);
    go_on_at((char *)0xffff800000000000ul);
    ok(state.trapno == 14 && !(state.err & 1), "kernel address as instruction pointer: exception, nothing told");
    run(v_ud2);
    state.sp = 0x8000000000000000ul;
    go_on_at(v_store);
    ok(state.trapno == 12 || state.trapno == 13, "stack pointer that is not canonical: exception");
    run(v_ud2);
    state.cs = 0x8;
    go_on_at(v_store);
    is(state.cs, 0x2b, "code segment is not taken");
}

static void test_top_of_memory(void)
{
    is(*(volatile char *)top_page, (char)0xcc, "page of text");
    utcb()->mr[0] = L4_OP_TASK_MAP;
    utcb()->mr[1] = TOP_PAGE | L4_ITEM_MAP;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, (word_t)top_page >> 12, 12, L4_MEM_R | L4_MEM_X).raw;
    put_cap_item(3, L4_SLOT_TASK, 15);
    is(call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1), 0, "map a page to the top of user memory");
    run(v_ud2);
    state.rdx = L4_SEL_INVALID | L4_OP_RECV;
    state.r8 = 0x400;
    state.rax = 0;
    go_on_at((char *)(TOP_PAGE + 4094));
    ok(state.trapno == 14 && state.pfa == TOP_PAGE + 4094, "nothing is executed at the end of user memory");
}

/* ---- segments ---- */

static long set_base(word_t slot, word_t which, word_t base)
{
    utcb()->mr[0] = L4_OP_THREAD_SET_BASE | which << 16;
    utcb()->mr[1] = base;
    return call(slot, L4_PROTO_THREAD, 2, 0);
}

static long set_entry(word_t entry, word_t descriptor)
{
    utcb()->mr[0] = L4_OP_THREAD_GDT;
    utcb()->mr[1] = entry;
    utcb()->mr[2] = descriptor;
    return call(SLOT_VICTIM, L4_PROTO_THREAD, 3, 0);
}

static void test_segments(void)
{
    static word_t value = 0x777;
    word_t at_value = (word_t)&value;
    word_t data = 0x00cff3000000fffful | (at_value & 0xffffff) << 16 | (at_value >> 24 & 0xff) << 56;

    run(v_selectors);
    ok(state.ds == 0x2b && state.es == 0 && state.fs == 0x23 && state.gs == 0x23, "selectors are seen");
    state.ds = state.es = 0x23;
    state.fs = 0xffff;
    state.gs = 0x33;
    go_on_at(v_ud2);
    ok(state.ds == 0x23 && state.es == 0x23 && state.fs == 0 && state.gs == 0, "selectors that cannot be are dropped");
    is(set_base(SLOT_VICTIM, 0, at_value), 0, "set fs base");
    run(v_fs);
    is(state.rbx, 0x777, "fs base works");
    is(state.fs_base, at_value, "  and is in the state");
    is(set_base(SLOT_VICTIM, 0, 1ul << 47), -L4_ERR_INVAL, "base that is not canonical");
    is(set_base(SLOT_VICTIM, 2, 0), -L4_ERR_INVAL, "no such base");
    run(v_gs_null);
    ok(utcb()->self == (word_t)utcb(), "a null selector of one thread leaves the others alone");
    is(set_entry(0, data), GDT_FIRST, "set a descriptor");
    run(v_user_entry);
    is(state.rbx, 0x777, "its segment works");
    is(state.fs, GDT_FIRST, "  and its selector is in the state");
    is(set_entry(0, 0x00cf93000000fffful), -L4_ERR_INVAL, "descriptor of the kernel's level");
    is(set_entry(0, 0x0000e9000000fffful), -L4_ERR_INVAL, "system descriptor");
    is(set_entry(4, data), GDT_FIRST + 32, "entry that does not exist: nothing is stored");
    is(set_entry(0, 0), GDT_FIRST, "empty the descriptor");
    go_on_at(v_ud2);
    is(state.fs, 0, "a selector without descriptor is dropped");
    run(v_user_entry);
    is(state.trapno, 13, "  and cannot be loaded again");
}

/* With a thread of its own: no reply changes the code segment back. */
static void test_code32(void)
{
    thread_make(SLOT_CODE32, (struct l4_utcb *)(L4_INITIAL_UTCB + 3 * L4_UTCB_SIZE), L4_SLOT_THREAD);
    set_priority(SLOT_CODE32, 80);
    thread_ex_regs(SLOT_CODE32, (word_t)v_code32, 0, 0);
    wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
    ok(state.cs == 0x1b && state.rbx == 0x1234, "32-bit code runs");
    is(state.trapno, 6, "it has no system call");
    state.ip += 2;
    go_on();
    is(state.trapno, 13, "nor a software interrupt");
}

/* A thread of another task whose UTCB has the same address takes its bases away and calls us. */
CODE(v_null_and_call, "xorl %eax, %eax\n movl %eax, %gs\n movl %eax, %fs\n"
                      "movq $0x3000 + 3, %rdx\n xorl %r8d, %r8d\n syscall\n jmp v_null_and_call\n");

static void test_same_base(void)
{
    struct l4_utcb *u = utcb();
    word_t image = l4_fpage_make(L4_FPAGE_MEM, (word_t)v_null_and_call >> 12, 13, L4_MEM_R | L4_MEM_X).raw;

    receive_into_slot(SLOT_TASK);
    u->mr[0] = (word_t)L4_PROTO_TASK;
    u->mr[1] = 0x80003; /* a flexpage */
    u->mr[2] = l4_fpage_make(L4_FPAGE_MEM, L4_INITIAL_UTCB >> 12, 12, 6).raw;
    is(call(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 3, 0), 0, "another task, with a UTCB at our address");
    u->mr[0] = L4_OP_TASK_MAP;
    u->mr[1] = ((word_t)v_null_and_call & ~0xffful) | L4_ITEM_MAP;
    u->mr[2] = image;
    put_cap_item(3, L4_SLOT_TASK, 15);
    is(call(SLOT_TASK, L4_PROTO_TASK, 3, 1), 0, "  and our code");
    u->mr[0] = L4_OP_TASK_MAP;
    u->mr[1] = SEL(L4_SLOT_THREAD) | L4_ITEM_MAP;
    u->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_THREAD, 0, 7).raw;
    put_cap_item(3, L4_SLOT_TASK, 15);
    is(call(SLOT_TASK, L4_PROTO_TASK, 3, 1), 0, "  and a capability to us");
    create(SLOT_STRANGER, L4_PROTO_THREAD);
    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK;
    u->mr[5] = L4_INITIAL_UTCB;
    put_cap_item(6, SLOT_TASK, 15);
    is(call(SLOT_STRANGER, L4_PROTO_THREAD, 6, 1), 0, "  and a thread");
    set_priority(SLOT_STRANGER, 80);
    run(v_fpu_read); /* the FPU is neither ours nor the caller's: nothing stands in the way of the shortest path */
    thread_ex_regs(SLOT_STRANGER, (word_t)v_null_and_call, 0, 0);
    last = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, NEVER);
    unsigned same = 0;
    for (unsigned i = 0; i < 20; i++) {
        last = invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, (l4_tag){0}, NULL, NEVER);
        same += utcb() == u; /* with base 0: a page fault, whose end would set things right, or a foreign word */
    }
    is(same, 20, "our UTCB pointer is what it was");
    for (unsigned i = 0; i < 3; i++)
        pause_us(4000);
    ok(utcb() == u, "  also after sleeping");
    utcb()->mr[0] = L4_OP_TASK_UNMAP;
    utcb()->mr[1] = L4_UNMAP_SELF | L4_UNMAP_DELETE;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, SLOT_STRANGER, 0, 15).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
    invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, L4_TIMEOUT_ZERO); /* what it has still sent */
}

/* ---- I/O ports ---- */

static void test_ports(void)
{
    struct l4_utcb *u = utcb();
    word_t clock = l4_fpage_make(L4_FPAGE_IO, 0x70, 1, 6).raw;

    run(v_cr);
    is(state.trapno, 13, "control registers are the kernel's");
    run(v_port);
    is(state.trapno, 13, "port without permission");
    u->bdr = 0;
    u->br[0] = L4_ITEM_MAP;
    u->br[1] = L4_FPAGE_ALL;
    u->br[2] = 0;
    u->mr[0] = clock;
    u->mr[1] = 0;
    is(call(L4_SLOT_PAGER, L4_PROTO_IO_PAGE_FAULT, 2, 0), 0, "ports from sigma0");
    run(v_ud2); /* its ports are not in the CPU yet */
    state.ss = 0x10;
    go_on_at(v_ud2);
    is(state.trapno, 13, "with ports, too, a bad stack segment is exception 13");
    run(v_port);
    is(state.trapno, 6, "port with permission");
    u->mr[0] = L4_OP_TASK_UNMAP;
    u->mr[1] = L4_UNMAP_SELF;
    u->mr[2] = clock;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
    run(v_port);
    is(state.trapno, 13, "permission taken back");
}

/* ---- FPU ---- */

static void test_fpu(void)
{
    run(v_fpu_read);
    ok(seen[0] == 0 && (uint32_t)seen[1] == 0x1f80 && (uint16_t)seen[2] == 0x37f, "a new thread has the initial state");
    run(v_fpu_set);
    __asm__ volatile("movq %0, %%xmm7" ::"r"(0x2222ul) : "xmm7");
    state.ip += 2;
    go_on();
    ok(seen[0] == 0x1111 && seen[1] == 1, "each thread keeps its registers");
    word_t mine;
    __asm__ volatile("movq %%xmm7, %0" : "=r"(mine));
    is(mine, 0x2222, "  the handler too");

    /* Two threads of one priority use the same register for tens of milliseconds and look at it all the time. */
    seen[0] = seen[1] = 0;
    is(thread_make(SLOT_OTHER, (struct l4_utcb *)(L4_INITIAL_UTCB + 2 * L4_UTCB_SIZE), L4_SLOT_THREAD), 0,
       "third thread");
    set_priority(SLOT_OTHER, 2);
    set_priority(SLOT_VICTIM, 2);
    run(v_ud2);
    state.rdi = 0;
    state.rcx = 0xaaaa;
    state.ip = (word_t)v_spin;
    memcpy(utcb()->mr, &state, sizeof state);
    invoke(L4_SEL_INVALID | L4_OP_REPLY | L4_OP_SEND, l4_tag_make(0, L4_EXC_WORDS, 0, 0), NULL, NEVER);
    thread_ex_regs(SLOT_OTHER, (word_t)v_ud2, (word_t)stack_other + sizeof stack_other, 0);
    wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
    state.rdi = 1;
    state.rcx = 0x5555;
    state.ip = (word_t)v_spin;
    memcpy(utcb()->mr, &state, sizeof state);
    invoke(L4_SEL_INVALID | L4_OP_REPLY | L4_OP_SEND, l4_tag_make(0, L4_EXC_WORDS, 0, 0), NULL, NEVER);
    for (unsigned i = 0; i < 6; i++)
        pause_us(15000);
    ok(seen[0] > 1000 && seen[1] > 1000, "two threads share the FPU under preemption");
    last = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, L4_TIMEOUT_ZERO);
    ok(l4_tag_error(last), "  and neither saw a foreign value");
}

static int test_main(void)
{
    set_priority(L4_SLOT_THREAD, 100);
    others_to_last_cpu();
    is(thread_make(SLOT_VICTIM, (struct l4_utcb *)(L4_INITIAL_UTCB + L4_UTCB_SIZE), L4_SLOT_THREAD), 0,
       "second thread");
    set_priority(SLOT_VICTIM, 80);
    test_registers();
    test_flags();
    test_refused();
    test_top_of_memory();
    test_segments();
    test_same_base();
    test_ports();
    test_fpu();
    test_code32();
    return tap_done();
}
