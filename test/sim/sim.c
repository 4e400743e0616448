/* SPDX-License-Identifier: MIT */
/*
 * The simulator's main loop: options, the generator, events, and what is printed when something is wrong.
 *
 *     sim [--seed N] [--steps N] [--cpus N] [--check N] [--slice N] [--no-inject] [--no-compare] [--trace]
 *         [--replay FILE] [--save FILE] [--shrink SECONDS]
 *     sim --exhaustive [--depth N] [--states N] [--cpus N]
 *
 * Exit status 0: every check held for all steps. 1: a check failed; seed and step are printed. 2: wrong usage.
 */
#include "sim.h"
#include "memory.h"
#include "oracle.h"
#include "oracle_map.h"
#include "small.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Of the address sanitizer, when it is linked. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct sim sim = {.steps = 200000, .check_every = 1, .cpus = 1, .inject = true, .compare = true,
                  .shrink_seconds = 60, .save = "sim.history"};
static const struct history *running;

/* ---- chance ---- */

uint64_t random_word(void)
{
    uint64_t x = sim.random += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

unsigned random_below(unsigned n) { return (unsigned)((random_word() >> 32) * n >> 32); }

word_t random_cpus(void)
{
    if (sim.cpus == 1)
        return 1;
    return one_in(3) ? random_below(1u << sim.cpus) : 1ul << random_below(sim.cpus);
}

bool sim_sanitized(void) { return __sanitizer_set_death_callback != NULL; }

/* ---- reporting ---- */

void sim_trace(const char *format, ...)
{
    va_list args;

    if (!sim.trace)
        return;
    va_start(args, format);
    printf("%8lu cpu %u ", (unsigned long)sim.step, host_cpu->id);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

static void print_place(void)
{
    fflush(stdout);
    fprintf(stderr, "sim: failed at event %lu of %lu, on CPU %u\n", (unsigned long)sim.step,
            (unsigned long)running->count, host_cpu->id);
}

static void on_halt(void)
{
    fputs(host_output(false), stderr);
    print_place();
    fflush(stderr);
    _Exit(1);
}

static void summary(void)
{
    printf("sim: %lu events, %lu rounds, %u CPUs without a finding\n", (unsigned long)sim.step,
           (unsigned long)sim.counts[COUNT_ROUND], sim.cpus);
    printf("sim: %lu system calls, %lu page faults, %lu exceptions, %lu interrupts, %lu ticks, %lu objects, "
           "%lu messages\n",
           (unsigned long)sim.counts[COUNT_SYSCALL], (unsigned long)sim.counts[COUNT_FAULT],
           (unsigned long)sim.counts[COUNT_EXCEPTION], (unsigned long)sim.counts[COUNT_IRQ],
           (unsigned long)sim.counts[COUNT_TICK], (unsigned long)sim.counts[COUNT_CREATED],
           (unsigned long)sim.counts[COUNT_MESSAGE]);
    oracle_summary();
}

/* ---- events ---- */

void sim_syscall(word_t dest, l4_tag tag, word_t label, word_t timeout)
{
    struct thread *self = host_current();

    if (!(frame_tag(&self->arch.frame) & L4_TAG_ERROR) && frame_dest(&self->arch.frame) & L4_OP_OPEN_WAIT)
        sim.counts[COUNT_MESSAGE]++; /* the last thing it did was an open wait, and it has not failed */
    sim_trace("%p syscall dest %lx tag %lx label %lx timeout %lx", (void *)self, dest, tag.raw, label, timeout);
    sim.counts[COUNT_SYSCALL]++;
    oracle_syscall(&(struct model_request){dest, tag.raw, label, timeout});
    host_syscall(dest, tag.raw, label, timeout);
    oracle_end();
}

void *sim_touch(word_t va, unsigned access)
{
    void *p;

    if (va < L4_USER_END)
        oracle_begin(EVENT_PAGE_FAULT);
    else
        oracle_exception(true);
    p = host_touch(va, access);
    if (p == NULL)
        oracle_end();
    return p;
}

void sim_exception(word_t trapno)
{
    oracle_exception(trapno == ARCH_TRAP_PAGE_FAULT);
    host_exception(trapno, 0);
    oracle_end();
}

bool sim_port(unsigned port)
{
    bool mine = oracle_map_port(host_current(), port);

    oracle_exception(false);
    if (host_port(port) != mine)
        kpanic("a port that was not mapped, or one that was", __FILE__, __LINE__);
    if (mine)
        return true;
    oracle_end();
    return false;
}

void sim_tick(unsigned us)
{
    host_time(us);
    oracle_begin(EVENT_TICK);
    host_tick();
    oracle_end();
}

void sim_set_cpu(unsigned id)
{
    bool looks = host_ipi_pending(id);

    if (looks)
        oracle_look(id);
    host_set_cpu(id);
    if (looks)
        oracle_end();
}

static void tick(void)
{
    unsigned us = one_in(4) ? random_below(30000) : TICK_US;

    sim_trace("tick after %u us", us);
    sim.counts[COUNT_TICK]++;
    sim_tick(us);
}

static void device_interrupt(void)
{
    unsigned pin = random_below(arch_irq_pins());

    sim_trace("interrupt %u", pin);
    oracle_interrupt(pin);
    if (!host_irq(pin))
        return;
    oracle_end();
    sim.counts[COUNT_IRQ]++;
}

static void somebody_types(void)
{
    static const char keys[] = "abc\r\n";
    unsigned n = one_in(8) ? random_below(200) : 1 + random_below(4);
    char text[200];

    for (unsigned i = 0; i < n; i++)
        text[i] = keys[random_below(sizeof keys - 1)];
    text[n] = '\0';
    sim_trace("typed: %u characters", n);
    oracle_input(text);
    host_input(text);
    oracle_end();
}

/* Something happens on the current CPU. */
static void act(void)
{
    struct thread *t = host_current();
    unsigned what = random_below(100);

    if (host_idle() || what < 4)
        tick();
    else if (what < 8)
        device_interrupt();
    else if (what < 9)
        somebody_types();
    else if (t == sim.root)
        manager_act();
    else if (t == sim.sigma0)
        sigma0_act(t);
    else
        worker_act(t);
}

static bool racing; /* two CPUs are in the kernel: no window is played with a third party */

#define WINDOW_UNITS 20 /* of work between two windows in which nothing happens: a page or two */

static bool late; /* a CPU may act before it has noticed what lies in its box */

static void event(void)
{
    for (unsigned tries = 0; sim.cpus > 1 && tries < 4; tries++) {
        unsigned id = random_below(sim.cpus);

        if (late && host_ipi_can_wait(id) && one_in(2))
            host_set_cpu_early(id);
        else
            sim_set_cpu(id);
        if (!host_idle()) /* an idle CPU has little to tell */
            break;
    }
    /* Which of two racing CPUs is first depends on the short path: such runs cannot be compared. */
    racing = sim.cpus > 1 && !sim.compare && !host_idle() && one_in(6);
    if (racing) {
        oracle_race(true);
        host_race((host_cpu->id + 1 + random_below(sim.cpus - 1)) % sim.cpus, act);
    }
    act();
    host_race_over();
    if (racing)
        oracle_race(sim.slice != 0);
    racing = false;
}

/* A long operation lets interrupts in. Something else may happen here, or on another CPU. */
static void window(void)
{
    static bool inside;
    unsigned what = random_below(8);

    if (inside || racing)
        return;
    if (what < 3 && sim.cpus > 1) {
        inside = true;
        host_set_cpu((host_cpu->id + 1 + random_below(sim.cpus - 1)) % sim.cpus);
        if (!host_idle() && host_current() != sim.root) /* a step of the manager is one step */
            act();
        inside = false;
    } else if (what == 3) {
        sim.counts[COUNT_TICK]++;
        host_time(random_below(3) == 0 ? random_below(30000) : TICK_US);
        host_interrupt(HOST_TICK, 0);
    } else if (what == 4) {
        unsigned pin = random_below(arch_irq_pins());

        if (!host_irq_masked(pin) && !arch_irq_is_level(pin))
            host_interrupt(HOST_IRQ, pin);
    }
}

static void end_of_round(void)
{
    frame_fail_countdown = 0;
    manager_teardown();
    world_check();
    manager_compare();
    sim.counts[COUNT_ROUND]++;
}

void history_run(const struct history *h, unsigned path)
{
    running = h;
    progress->step[path] = 0;
    host_general_path = path == 1;
    late = path == 2 || !sim.compare;
    host_no_limbo = sim.compare;
    host_on_halt = on_halt;
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(print_place);
    host_start(&(struct host_config){.memory_bytes = 24ul << 20, .heap_bytes = 8ul << 20, .sigma0_ip = 0x100000,
                                     .root_ip = 0x200000, .cpus = sim.cpus});
    oracle_start();
    manager_setup();
    if (sim.slice != 0) { /* half-done operations: more than the model knows of */
        host_window = window;
        work_slice = work_left = (int)sim.slice;
        oracle_race(true);
    }
    if (path == 2 && sim.cpus == 1)
        work_slice = work_left = WINDOW_UNITS;
    for (sim.step = 0; sim.step < h->count; sim.step++) {
        bool check = sim.step % sim.check_every == 0;

        progress->step[path] = sim.step;
        sim.random = h->event[sim.step];
        if (sim.random == 0) {
            end_of_round();
        } else {
            if (sim.inject && one_in(64))
                frame_fail_countdown = 1 + random_below(12);
            event();
            if (one_in(8))
                frame_fail_countdown = 0;
            if (check)
                world_check();
        }
        progress->seen[path][sim.step] = observe(check && sim.step % 8 == 0);
    }
    sim.random = 0;
    end_of_round();
    progress->step[path] = sim.step;
    if (path != 1)
        summary();
}

/* ---- start ---- */

static uint64_t number(const char *option, const char *text)
{
    char *end;
    uint64_t value = text == NULL ? 0 : strtoull(text, &end, 0);

    if (text == NULL || *text == '\0' || *end != '\0') {
        fprintf(stderr, "sim: %s needs a number, not '%s'\n", option, text == NULL ? "" : text);
        exit(2);
    }
    return value;
}

static uint64_t number_to(const char *option, const char *text, uint64_t most)
{
    uint64_t value = number(option, text);

    if (value > 0 && value <= most)
        return value;
    fprintf(stderr, "sim: %s is 1 to %lu, not %s\n", option, (unsigned long)most, text);
    exit(2);
}

static const char usage[] =
    "usage: sim [--seed N] [--steps N] [--cpus N] [--check N] [--slice N] [--no-inject] [--no-compare]\n"
    "           [--trace] [--replay FILE] [--save FILE] [--shrink SECONDS]\n"
    "       sim --exhaustive [--depth N] [--states N] [--cpus 1|2] [--jobs N] [--no-symmetry]\n"
    "           [--basic]\n"
    "       ./labe sim --fast ...: without sanitizers\n";

static const char *replay;
static bool exhaustive;
static struct search_options search = {.depth = 7};

static const char *text_of(char **a)
{
    if (a[1] == NULL) {
        fprintf(stderr, "sim: %s needs the name of a file\n", a[0]);
        exit(2);
    }
    return a[1];
}

/* Options with a value; false: it is none of these. */
static bool option_with_value(char **a)
{
    if (strcmp(*a, "--seed") == 0) {
        sim.seed = number(a[0], a[1]);
    } else if (strcmp(*a, "--steps") == 0) {
        sim.steps = number(a[0], a[1]);
    } else if (strcmp(*a, "--check") == 0) {
        sim.check_every = number(a[0], a[1]);
        sim.check_every += sim.check_every == 0;
    } else if (strcmp(*a, "--slice") == 0) {
        sim.slice = number(a[0], a[1]);
        if (sim.slice == 0 || sim.slice > 1000000) {
            fprintf(stderr, "sim: a window's worth of work is 1 to 1000000 units, not %s\n", a[1]);
            exit(2);
        }
    } else if (strcmp(*a, "--shrink") == 0) {
        sim.shrink_seconds = number(a[0], a[1]);
    } else if (strcmp(*a, "--cpus") == 0) {
        sim.cpus = (unsigned)number(a[0], a[1]);
        if (sim.cpus == 0 || sim.cpus > HOST_CPUS) {
            fprintf(stderr, "sim: the simulated machine has 1 to %u CPUs, not %s\n", HOST_CPUS, a[1]);
            exit(2);
        }
    } else if (strcmp(*a, "--depth") == 0) {
        search.depth = (unsigned)number_to(a[0], a[1], 60);
    } else if (strcmp(*a, "--states") == 0) {
        search.states = number_to(a[0], a[1], UINT32_MAX);
    } else if (strcmp(*a, "--jobs") == 0) {
        search.jobs = (unsigned)number_to(a[0], a[1], 1024);
    } else if (strcmp(*a, "--replay") == 0) {
        replay = text_of(a);
    } else if (strcmp(*a, "--save") == 0) {
        sim.save = text_of(a);
    } else {
        return false;
    }
    return true;
}

static void options(char **argv)
{
    sim.seed = (uint64_t)time(NULL);
    search.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    for (char **a = argv + 1; *a != NULL; a++) {
        if (strcmp(*a, "--trace") == 0) {
            sim.trace = true;
        } else if (strcmp(*a, "--exhaustive") == 0) {
            exhaustive = true;
        } else if (strcmp(*a, "--no-symmetry") == 0) {
            search.apart = true;
        } else if (strcmp(*a, "--basic") == 0) {
            search.basic = true;
        } else if (strcmp(*a, "--no-inject") == 0) {
            sim.inject = false;
        } else if (strcmp(*a, "--no-compare") == 0) {
            sim.compare = false;
        } else if (option_with_value(a)) {
            a++;
        } else {
            fprintf(stderr, "sim: unknown option '%s'\n%s", *a, usage);
            exit(2);
        }
    }
    if (exhaustive && sim.cpus > 2) {
        fprintf(stderr, "sim: the small world has 1 or 2 CPUs, not %u\n", sim.cpus);
        exit(2);
    }
    if (sim.steps > 1ul << 30) {
        fprintf(stderr, "sim: %lu events are too many for one history\n", (unsigned long)sim.steps);
        exit(2);
    }
}

/* The history fails: the smallest that still does is kept, and run once more in words. */
static void explain(struct history *h, size_t at)
{
    size_t before = h->count;

    if (at + 1 < h->count)
        h->count = at + 1;
    if (sim.shrink_seconds > 0)
        history_shrink(h);
    fprintf(stderr, "sim: %zu of %zu events are enough:\n", h->count, before);
    sim.trace = h->count <= 2000;
    history_judge(h, false, &at);
    if (history_write(h, sim.save))
        fprintf(stderr, "sim: again: ./labe sim --replay %s\n", sim.save);
    else
        perror(sim.save);
}

int main(int argc, char **argv)
{
    struct history h = {NULL, 0};
    size_t at;

    (void)argc;
    options(argv);
    setvbuf(stdout, NULL, _IOLBF, 0); /* in order with what goes to stderr */
    if (exhaustive)
        return search_all(&search);
    if (replay != NULL) {
        history_read(&h, replay);
        history_init(h.count);
        sim.trace = true;
        return history_judge(&h, false, &at);
    }
    history_init(sim.steps);
    history_generate(&h, sim.seed, sim.steps);
    printf("sim: seed %lu\n", (unsigned long)sim.seed);
    if (!history_judge(&h, false, &at))
        return 0;
    fprintf(stderr, "sim: seed %lu failed\n", (unsigned long)sim.seed);
    explain(&h, at);
    return 1;
}
