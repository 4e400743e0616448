/* SPDX-License-Identifier: MIT */
/*
 * The floor under the benchmark: a kernel in Labe's place that can do nothing but what no kernel with this system call
 * interface can leave out. Two threads with address spaces of their own; a system call with destination 0 returns at
 * once, with destination 1 the caller stops, its words are copied, and the other thread goes on. It keeps the registers
 * that the interface promises to keep, and the segment bases, which user code may change unseen. Nothing is checked,
 * nothing is looked up, nobody is put anywhere: not a kernel, a measure. Booted by tool/bench.sh; prints rows as
 * bench/bench.c does.
 */
#include <stddef.h>
#include <l4/kip.h>

#define ROUNDS 200u
#define WARM_UP 20u

__attribute__((section(".kip"), aligned(4096))) struct l4_kip kip = {
    .magic = L4_KIP_MAGIC, .version = L4_KIP_VERSION, .strings_offset = L4_KIP_STRINGS / 16,
    .mem_offset = L4_KIP_MEM_OFFSET, .mem_count = L4_KIP_MEM_SLOTS,
};
__attribute__((section(".opt"))) struct l4_options options = { L4_OPTIONS_MAGIC, 6, .node = 0 };

struct thread {
    uint64_t sp, ip, flags, rbx, rbp, r8, r9, r10, r12, r13, r14, fs, gs; /* the offsets below are used by the path */
    uint64_t root, utcb, other;
};
struct cpu {
    uint64_t running, user_sp;
};
_Static_assert(offsetof(struct thread, other) == 15 * 8, "offsets in the path");

static struct thread threads[2];
static struct cpu cpu;
static uint64_t utcbs[2][64];
static char stacks[3][4096] __attribute__((aligned(16)));
static uint64_t pml4[2][512] __attribute__((aligned(4096)));
static uint64_t pdpt[512] __attribute__((aligned(4096))), pd[512] __attribute__((aligned(4096)));
static uint64_t gdt[] = {0, 0x00209b0000000000, 0x0000930000000000, 0x00cffb000000ffff, 0x00cff3000000ffff,
                         0x0020fb0000000000};
static unsigned row_count;
static struct {
    const char *name;
    uint64_t min, max;
} rows[4];

/* ---- the path ---- */

void path(void);
__asm__(".balign 64\n"
        "path:\n\t"
        "swapgs\n\t"
        "cmpq $1, %rdx\n\t"
        "jb 3f\n\t"
        "ja results_print\n\t"
        "movq %rsp, %gs:8\n\t"
        "movq %gs:0, %rsp\n\t"
        "movq %rcx, 8(%rsp)\n\t"
        "movq %r11, 16(%rsp)\n\t"
        "movq %rbx, 24(%rsp)\n\t"
        "movq %rbp, 32(%rsp)\n\t"
        "movq %r8, 40(%rsp)\n\t"
        "movq %r9, 48(%rsp)\n\t"
        "movq %r10, 56(%rsp)\n\t"
        "movq %r12, 64(%rsp)\n\t"
        "movq %r13, 72(%rsp)\n\t"
        "movq %r14, 80(%rsp)\n\t"
        "movq %gs:8, %rcx\n\t"
        "movq %rcx, 0(%rsp)\n\t"
        "movq 120(%rsp), %rbx\n\t"
        /* the copy */
        "movl %eax, %ecx\n\t"
        "andl $63, %ecx\n\t"
        "jz 1f\n\t"
        "movq %rsi, %rbp\n\t"
        "movq 112(%rsp), %rsi\n\t"
        "movq 112(%rbx), %rdi\n\t"
        "rep movsq\n\t"
        "movq %rbp, %rsi\n"
        /* the switch */
        "1:\tmovq %rbx, %gs:0\n\t"
        "movq 104(%rbx), %rcx\n\t"
        "movq %rcx, %cr3\n\t"
        "rdfsbase %rcx\n\t"
        "movq %rcx, 88(%rsp)\n\t"
        "movq 88(%rbx), %rcx\n\t"
        "wrfsbase %rcx\n\t"
        "swapgs\n\t"
        "rdgsbase %rcx\n\t"
        "movq %rcx, 96(%rsp)\n\t"
        "movq 96(%rbx), %rcx\n\t"
        "wrgsbase %rcx\n\t"
        /* the way out */
        "movq 8(%rbx), %rcx\n\t"
        "movq 16(%rbx), %r11\n\t"
        "movq 32(%rbx), %rbp\n\t"
        "movq 40(%rbx), %r8\n\t"
        "movq 48(%rbx), %r9\n\t"
        "movq 56(%rbx), %r10\n\t"
        "movq 64(%rbx), %r12\n\t"
        "movq 72(%rbx), %r13\n\t"
        "movq 80(%rbx), %r14\n\t"
        "movq 0(%rbx), %rsp\n\t"
        "movq 24(%rbx), %rbx\n\t"
        "sysretq\n"
        "3:\tswapgs\n\t"
        "sysretq");

/* ---- the two threads ---- */

static inline uint64_t ticks(void)
{
    uint64_t now;

    __asm__ volatile("lfence\n\trdtsc\n\tshlq $32, %%rdx\n\torq %%rdx, %0" : "=a"(now)::"rdx", "memory");
    return now;
}

/* The stub of libl4's l4_ipc. */
static inline void system_call(uint64_t dest, uint64_t tag)
{
    uint64_t label = 0, utcb;
    register uint64_t r8 __asm__("r8") = 0;

    __asm__ volatile("movq %%gs:0, %0" : "=r"(utcb));
    __asm__ volatile("syscall"
                     : "+d"(dest), "+D"(utcb), "+S"(label), "+a"(tag)
                     : "r"(r8)
                     : "rcx", "r11", "r15", "memory", "cc");
}

static void measure(const char *name, uint64_t cost, uint64_t dest, uint64_t tag)
{
    uint64_t min = ~0ul, max = 0;

    for (unsigned i = 0; i < WARM_UP + ROUNDS; i++) {
        uint64_t begin = ticks(), took;

        system_call(dest, tag);
        took = ticks() - begin - cost;
        min = took < min ? took : min;
        max = i >= WARM_UP && took > max ? took : max;
    }
    rows[row_count].name = name;
    rows[row_count].min = min;
    rows[row_count++].max = max;
}

static void caller(void)
{
    uint64_t cost = ~0ul;

    for (unsigned i = 0; i < 16; i++) {
        uint64_t begin = ticks(), end = ticks();

        cost = end - begin < cost ? end - begin : cost;
    }
    measure("floor-syscall", cost, 0, 0);
    measure("floor-round-trip-0-words", cost, 1, 0);
    measure("floor-round-trip-4-words", cost, 1, 4);
    for (;;)
        system_call(2, 0);
}

static void answerer(void)
{
    for (;;)
        system_call(1, 4 * (row_count == 2));
}

/* ---- output and start ---- */

static void put(char c)
{
    uint8_t ready;

    do
        __asm__ volatile("inb %1, %0" : "=a"(ready) : "Nd"((uint16_t)0x3fd));
    while (!(ready & 0x20));
    __asm__ volatile("outb %0, %1" ::"a"(c), "Nd"((uint16_t)0x3f8));
}

static void text(const char *s)
{
    while (*s)
        put(*s++);
}

static void number(uint64_t n)
{
    if (n >= 10)
        number(n / 10);
    put((char)('0' + n % 10));
}

__attribute__((used)) void results_print(void)
{
    for (unsigned i = 0; i < row_count; i++) {
        text("bench ");
        text(rows[i].name);
        put(' ');
        number(rows[i].min);
        put(' ');
        number(rows[i].min);
        put(' ');
        number(rows[i].max);
        put('\n');
    }
    text("bench: end\n");
    for (;;)
        __asm__ volatile("hlt");
}

static void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

static void thread_init(unsigned i, void (*body)(void))
{
    utcbs[i][0] = (uint64_t)utcbs[i];
    threads[i] = (struct thread){.sp = (uint64_t)stacks[i] + sizeof stacks[i] - 8, .ip = (uint64_t)body, .flags = 2,
                                 .gs = (uint64_t)utcbs[i], .root = (uint64_t)pml4[i], .utcb = (uint64_t)utcbs[i],
                                 .other = (uint64_t)&threads[1 - i]};
    pml4[i][0] = (uint64_t)pdpt | 7;
}

__attribute__((used)) void floor_main(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdtr = {sizeof gdt - 1, (uint64_t)gdt};
    uint64_t cr4;

    for (unsigned i = 0; i < 512; i++)
        pd[i] = (uint64_t)i << 21 | 0x87;
    pdpt[0] = (uint64_t)pd | 7;
    thread_init(0, caller);
    thread_init(1, answerer);
    cpu.running = (uint64_t)&threads[0];
    __asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("movq %0, %%cr4" ::"r"(cr4 | 1u << 16)); /* FSGSBASE */
    __asm__ volatile("lgdt %0" ::"m"(gdtr));
    wrmsr(0xc0000080, 0x501);                 /* EFER: system calls, long mode */
    wrmsr(0xc0000081, 0x0018000800000000ull); /* STAR */
    wrmsr(0xc0000082, (uint64_t)path);        /* LSTAR */
    wrmsr(0xc0000084, 0x700);                 /* SFMASK */
    wrmsr(0xc0000101, threads[0].gs);
    wrmsr(0xc0000102, (uint64_t)&cpu);
    __asm__ volatile("movq %0, %%cr3\n\tmovq %1, %%rsp\n\tmovl $2, %%r11d\n\tsysretq"
                     ::"r"(threads[0].root), "r"(threads[0].sp), "c"(threads[0].ip) : "memory");
}

__asm__(".pushsection .text.start, \"ax\"\n"
        ".globl start\n"
        "start:\n\t"
        "leaq stacks + 3 * 4096(%rip), %rsp\n\t"
        "call floor_main\n\t"
        "ud2\n"
        ".popsection");
