/* SPDX-License-Identifier: MIT */
/*
 * A plugin of the emulator that writes down every instruction and every data access of one round of each row.
 *
 * Arguments: out=FILE, clock=ADDRESS (an rdtsc of the benchmark; one per rdtsc), sample=ADDRESS, report=ADDRESS (the
 * two functions in bench/bench.c). A round is what lies between the last two clock instructions before a call of
 * sample; at a call of report the last round of the row is written:
 *
 *     row COUNT               rounds that this row had
 *     ADDRESS [r|wADDRESS]... an instruction and the data it read and wrote, both in hexadecimal, in order
 *     end
 *
 * With load=ADDRESS (the function in bench/latency.c) and open=ADDRESS (the kernel's instructions behind an sti, at
 * which it can be interrupted; one each) in place of the last three, it counts windows instead: instructions of the
 * kernel from its entry, or such an instruction, to the next return to user mode or such an instruction, on each CPU.
 * wait=ADDRESS and until=ADDRESS, a pair for each, say where a CPU waits for others: that is not counted. At a call of
 * load the longest since the call before is written, by blocks of code:
 *
 *     window INSTRUCTIONS CPU
 *     ADDRESS INSTRUCTIONS    of a block, in the order of first execution
 *     end
 *
 * The emulator's declarations are repeated here as far as they are used: its header is no part of Debian's package.
 * API_VERSION is the version of the plugin interface (tool/bench.sh finds out which one the emulator wants).
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
typedef void (*insn_callback)(unsigned vcpu, void *data);
typedef void (*access_callback)(unsigned vcpu, uint32_t info, uint64_t address, void *data);
typedef void (*translation_callback)(uint64_t id, struct qemu_plugin_tb *tb);
enum { CB_NO_REGS = 0, MEM_READ_AND_WRITE = 3 };
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, insn_callback cb, int flags, void *data);
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translation_callback cb);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, insn_callback cb, int flags,
                                                   void *data);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, access_callback cb, int flags, int rw,
                                             void *data);
extern bool qemu_plugin_mem_is_store(uint32_t info);

__attribute__((visibility("default"))) int qemu_plugin_version = API_VERSION;

#define EVENTS_MAX 200000u
#define CLOCKS_MAX 128u
enum event_kind { EVENT_INSN, EVENT_READ, EVENT_WRITE };
struct event {
    uint64_t address;
    enum event_kind kind;
};
static struct event buffers[3][EVENTS_MAX];
static size_t lengths[3];
static unsigned current, before = 1, kept = 2; /* since the last clock, since the one before, the last round */
static unsigned long round_count;
static uint64_t clocks[CLOCKS_MAX], sample_address, report_address;
static unsigned clock_count;
static FILE *out;

static void add(uint64_t address, enum event_kind kind)
{
    if (lengths[current] < EVENTS_MAX)
        buffers[current][lengths[current]++] = (struct event){address, kind};
}

static void executed(unsigned vcpu, void *data)
{
    (void)vcpu;
    add((uint64_t)(uintptr_t)data, EVENT_INSN);
}

static void accessed(unsigned vcpu, uint32_t info, uint64_t address, void *data)
{
    (void)vcpu;
    (void)data;
    add(address, qemu_plugin_mem_is_store(info) ? EVENT_WRITE : EVENT_READ);
}

static void clock_read(unsigned vcpu, void *data)
{
    unsigned old = before;

    executed(vcpu, data);
    before = current;
    current = old;
    lengths[current] = 0;
}

static void sampled(unsigned vcpu, void *data)
{
    unsigned old = kept;

    (void)vcpu;
    (void)data;
    kept = before;
    before = old;
    lengths[before] = 0;
    round_count++;
}

static void reported(unsigned vcpu, void *data)
{
    (void)vcpu;
    (void)data;
    fprintf(out, "row %lu", round_count);
    for (size_t i = 0; i < lengths[kept]; i++) {
        const struct event *e = &buffers[kept][i];

        fprintf(out, e->kind == EVENT_INSN ? "\n%" PRIx64 : e->kind == EVENT_READ ? " r%" PRIx64 : " w%" PRIx64,
                e->address);
    }
    fprintf(out, "\nend\n");
    fflush(out);
    lengths[kept] = 0;
    round_count = 0;
}

static bool is_one_of(const uint64_t *list, unsigned count, uint64_t address)
{
    for (unsigned i = 0; i < count; i++)
        if (list[i] == address)
            return true;
    return false;
}

/* ---- windows ---- */

#define BLOCKS_MAX 4096u
#define CPUS_MAX 4u
struct block {
    uint64_t address, length;
    uint64_t window[CPUS_MAX], count[CPUS_MAX]; /* the window in which it was executed last, its instructions there */
};
/* The window that runs on a CPU. */
static struct {
    struct block *blocks[BLOCKS_MAX];
    size_t block_count;
    uint64_t number, length;
} windows[CPUS_MAX];
static struct { uint64_t address, count; } longest[BLOCKS_MAX];
static size_t longest_count;
static uint64_t longest_length, load_address, opens[CLOCKS_MAX], waits[CLOCKS_MAX], wait_ends[CLOCKS_MAX];
static unsigned open_count, wait_count, wait_end_count, longest_cpu;

static void window_end(unsigned cpu)
{
    if (windows[cpu].length > longest_length) {
        longest_length = windows[cpu].length;
        longest_cpu = cpu;
        longest_count = windows[cpu].block_count;
        for (size_t i = 0; i < longest_count; i++) {
            longest[i].address = windows[cpu].blocks[i]->address;
            longest[i].count = windows[cpu].blocks[i]->count[cpu];
        }
    }
    windows[cpu].number++;
    windows[cpu].length = 0;
    windows[cpu].block_count = 0;
}

static void block_count_in(struct block *b, unsigned cpu)
{
    windows[cpu].length += b->length;
    if (b->window[cpu] != windows[cpu].number + 1) {
        b->window[cpu] = windows[cpu].number + 1;
        b->count[cpu] = 0;
        if (windows[cpu].block_count < BLOCKS_MAX)
            windows[cpu].blocks[windows[cpu].block_count++] = b;
    }
    b->count[cpu] += b->length;
}

static void block_executed(unsigned vcpu, void *data)
{
    struct block *b = data;

    if (b->address >> 63)
        block_count_in(b, vcpu % CPUS_MAX);
    else if (windows[vcpu % CPUS_MAX].length > 0)
        window_end(vcpu % CPUS_MAX);
}

/* The first instruction of its block: sti ends the one before. */
static void opened(unsigned vcpu, void *data)
{
    unsigned cpu = vcpu % CPUS_MAX;
    struct block *b = data;

    windows[cpu].length -= b->length;
    b->count[cpu] -= b->length;
    window_end(cpu);
    block_count_in(b, cpu);
}

static bool waits_at(uint64_t address)
{
    for (unsigned i = 0; i < wait_count && i < wait_end_count; i++)
        if (address >= waits[i] && address < wait_ends[i])
            return true;
    return false;
}

static void loaded(unsigned vcpu, void *data)
{
    (void)vcpu;
    (void)data;
    fprintf(out, "window %" PRIu64 " %u\n", longest_length, longest_cpu);
    for (size_t i = 0; i < longest_count; i++)
        fprintf(out, "%" PRIx64 " %" PRIu64 "\n", longest[i].address, longest[i].count);
    fprintf(out, "end\n");
    fflush(out);
    longest_length = longest_count = 0;
}

static void translated_for_windows(uint64_t id, struct qemu_plugin_tb *tb)
{
    struct block *b = calloc(1, sizeof *b);

    (void)id;
    b->length = qemu_plugin_tb_n_insns(tb);
    b->address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    if (!waits_at(b->address))
        qemu_plugin_register_vcpu_tb_exec_cb(tb, block_executed, CB_NO_REGS, b);
    if (is_one_of(opens, open_count, b->address))
        qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, 0), opened, CB_NO_REGS, b);
    if (b->address == load_address)
        qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, 0), loaded, CB_NO_REGS, NULL);
}

/* ---- start ---- */

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn);
        insn_callback cb = is_one_of(clocks, clock_count, address) ? clock_read
                           : address == sample_address               ? sampled
                           : address == report_address               ? reported
                                                                     : executed;

        qemu_plugin_register_vcpu_insn_exec_cb(insn, cb, CB_NO_REGS, (void *)(uintptr_t)address);
        qemu_plugin_register_vcpu_mem_cb(insn, accessed, CB_NO_REGS, MEM_READ_AND_WRITE, NULL);
    }
}

__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc,
                                                               char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        uint64_t address = value == NULL ? 0 : strtoull(value + 1, NULL, 16);

        if (!strncmp(argv[i], "out=", 4))
            out = fopen(argv[i] + 4, "w");
        else if (!strncmp(argv[i], "sample=", 7))
            sample_address = address;
        else if (!strncmp(argv[i], "report=", 7))
            report_address = address;
        else if (!strncmp(argv[i], "load=", 5))
            load_address = address;
        else if (!strncmp(argv[i], "open=", 5) && open_count < CLOCKS_MAX)
            opens[open_count++] = address;
        else if (!strncmp(argv[i], "wait=", 5) && wait_count < CLOCKS_MAX)
            waits[wait_count++] = address;
        else if (!strncmp(argv[i], "until=", 6) && wait_end_count < CLOCKS_MAX)
            wait_ends[wait_end_count++] = address;
        else if (!strncmp(argv[i], "clock=", 6) && clock_count < CLOCKS_MAX)
            clocks[clock_count++] = address;
        else
            return fprintf(stderr, "trace: unknown argument '%s'\n", argv[i]), 1;
    }
    if (out != NULL && load_address != 0) {
        qemu_plugin_register_vcpu_tb_trans_cb(id, translated_for_windows);
        return 0;
    }
    if (out == NULL || sample_address == 0 || report_address == 0 || clock_count == 0)
        return fprintf(stderr, "trace: out=, sample=, report= and clock= are needed\n"), 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
