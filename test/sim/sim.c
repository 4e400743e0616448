/* SPDX-License-Identifier: MIT */
/*
 * The simulator's main loop: options, the generator, events, and what is printed when something is wrong.
 *
 *     sim [--seed N] [--steps N] [--cpus 1] [--check N] [--no-inject] [--trace]
 *
 * Exit status 0: every check held for all steps. 1: a check failed; seed and step are printed. 2: wrong usage.
 */
#include "sim.h"
#include "memory.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUND_STEPS 4000u /* events from one set-up to the comparison with the start */

/* Of the address sanitizer, when it is linked. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct sim sim = {.steps = 200000, .check_every = 1, .inject = true};

/* ---- chance ---- */

uint64_t random_word(void)
{
    uint64_t x = sim.random += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

unsigned random_below(unsigned n) { return (unsigned)((random_word() >> 32) * n >> 32); }

/* ---- reporting ---- */

void sim_trace(const char *format, ...)
{
    va_list args;

    if (!sim.trace)
        return;
    va_start(args, format);
    printf("%8lu ", (unsigned long)sim.step);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

static void print_place(void)
{
    fflush(stdout);
    fprintf(stderr, "sim: failed at step %lu; replay: ./labe sim --seed %lu --steps %lu%s\n",
            (unsigned long)sim.step, (unsigned long)sim.seed, (unsigned long)sim.step + 1,
            sim.inject ? "" : " --no-inject");
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
    printf("sim: seed %lu: %lu steps, %lu rounds without a finding\n", (unsigned long)sim.seed,
           (unsigned long)sim.step, (unsigned long)sim.counts[COUNT_ROUND]);
    printf("sim: %lu system calls, %lu page faults, %lu exceptions, %lu interrupts, %lu ticks, %lu objects, "
           "%lu messages\n",
           (unsigned long)sim.counts[COUNT_SYSCALL], (unsigned long)sim.counts[COUNT_FAULT],
           (unsigned long)sim.counts[COUNT_EXCEPTION], (unsigned long)sim.counts[COUNT_IRQ],
           (unsigned long)sim.counts[COUNT_TICK], (unsigned long)sim.counts[COUNT_CREATED],
           (unsigned long)sim.counts[COUNT_MESSAGE]);
}

/* ---- events ---- */

void sim_syscall(word_t dest, l4_tag tag, word_t label, word_t timeout)
{
    struct thread *self = host_current();

    if (!(frame_tag(&self->arch.frame) & L4_TAG_ERROR) && frame_dest(&self->arch.frame) & L4_OP_OPEN_WAIT)
        sim.counts[COUNT_MESSAGE]++; /* the last thing it did was an open wait, and it has not failed */
    sim_trace("%p syscall dest %lx tag %lx label %lx timeout %lx", (void *)self, dest, tag.raw, label, timeout);
    sim.counts[COUNT_SYSCALL]++;
    host_syscall(dest, tag.raw, label, timeout);
}

static void tick(void)
{
    unsigned us = one_in(4) ? random_below(30000) : TICK_US;

    sim_trace("tick after %u us", us);
    sim.counts[COUNT_TICK]++;
    host_time(us);
    host_tick();
}

static void device_interrupt(void)
{
    unsigned pin = random_below(arch_irq_pins());

    sim_trace("interrupt %u", pin);
    if (host_irq(pin))
        sim.counts[COUNT_IRQ]++;
}

static void event(void)
{
    struct thread *t = host_current();
    unsigned what = random_below(100);

    if (host_idle() || what < 4)
        tick();
    else if (what < 8)
        device_interrupt();
    else if (what < 9)
        host_input("x");
    else if (t == sim.root)
        manager_act();
    else if (t == sim.sigma0)
        sigma0_act(t);
    else
        worker_act(t);
}

static void run_round(void)
{
    for (unsigned n = 0; n < ROUND_STEPS && sim.step < sim.steps; n++, sim.step++) {
        if (sim.inject && one_in(64))
            frame_fail_countdown = 1 + random_below(12);
        event();
        if (one_in(8))
            frame_fail_countdown = 0;
        if (sim.step % sim.check_every == 0)
            world_check();
    }
    frame_fail_countdown = 0;
    manager_teardown();
    world_check();
    manager_compare();
    sim.counts[COUNT_ROUND]++;
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

static void options(char **argv)
{
    sim.seed = (uint64_t)time(NULL);
    for (char **a = argv + 1; *a != NULL; a++) {
        if (strcmp(*a, "--trace") == 0) {
            sim.trace = true;
        } else if (strcmp(*a, "--no-inject") == 0) {
            sim.inject = false;
        } else if (strcmp(*a, "--seed") == 0) {
            sim.seed = number(a[0], a[1]), a++;
        } else if (strcmp(*a, "--steps") == 0) {
            sim.steps = number(a[0], a[1]), a++;
        } else if (strcmp(*a, "--check") == 0) {
            sim.check_every = number(a[0], a[1]), a++;
            sim.check_every += sim.check_every == 0;
        } else if (strcmp(*a, "--cpus") == 0) {
            if (number(a[0], a[1]) != 1) {
                fprintf(stderr, "sim: histories run on one CPU\n");
                exit(2);
            }
            a++;
        } else {
            fprintf(stderr, "sim: unknown option '%s'\n"
                            "usage: sim [--seed N] [--steps N] [--cpus 1] [--check N] [--no-inject] [--trace]\n", *a);
            exit(2);
        }
    }
    sim.random = sim.seed;
    if (sim.trace)
        setvbuf(stdout, NULL, _IOLBF, 0); /* in order with what goes to stderr */
}

int main(int argc, char **argv)
{
    (void)argc;
    options(argv);
    printf("sim: seed %lu\n", (unsigned long)sim.seed);
    fflush(stdout);
    host_on_halt = on_halt;
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(print_place);
    host_start(&(struct host_config){.memory_bytes = 24ul << 20, .heap_bytes = 8ul << 20, .sigma0_ip = 0x100000,
                                     .root_ip = 0x200000});
    manager_setup();
    while (sim.step < sim.steps)
        run_round();
    summary();
    return 0;
}
