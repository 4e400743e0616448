/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of one CPU while another one masks and unmasks pins all the time: the clock chip as a level-triggered
 * source on the first CPU (each interrupt is masked when it comes and unmasked by EOI), and a thread on the second CPU
 * that works on pins that nobody uses. No interrupt may get lost, and none may come that was masked.
 * labe-run: --cpus 2 --timeout 120
 */
#include "root.h"
#include "tap.h"

#define SLOT_IRQ 0x20
#define SLOT_OTHER 0x21
#define RTC_PIN 8u
#define SPARE_PIN 20u
#define ROUNDS 1000u
#define WAIT_4_S (12u << 10 | 1000) /* µs: more than a busy host makes us wait */

static char stack_other[4096] __attribute__((aligned(16)));
static volatile word_t toggles;

static inline void outb(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static uint8_t rtc_read(uint8_t at)
{
    outb(0x70, at);
    return inb(0x71);
}

static void rtc_write(uint8_t at, uint8_t v)
{
    outb(0x70, at);
    outb(0x71, v);
}

static long ports_get(void)
{
    struct l4_utcb *u = utcb();

    u->bdr = 0;
    u->br[0] = L4_ITEM_MAP;
    u->br[1] = L4_FPAGE_ALL;
    u->br[2] = 0;
    u->bdr = 0;
    u->mr[0] = l4_fpage_make(L4_FPAGE_IO, 0x70, 1, 2).raw;
    u->mr[1] = 0;
    return call(L4_SLOT_PAGER, L4_PROTO_IO_PAGE_FAULT, 2, 0);
}

static void icu_send(struct l4_utcb *u, word_t op, word_t number)
{
    u->mr[0] = op;
    u->mr[1] = number;
    invoke(SEL(L4_SLOT_ICU) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 2, 0, 0), NULL, NEVER);
}

__attribute__((noreturn)) static void other(void)
{
    struct l4_utcb *u = (struct l4_utcb *)(L4_INITIAL_UTCB + L4_UTCB_SIZE);

    for (;;) {
        icu_send(u, L4_OP_ICU_UNMASK, SPARE_PIN);
        icu_send(u, L4_OP_ICU_MASK, SPARE_PIN);
        toggles++;
    }
}

static long icu(word_t op, word_t number, word_t last, unsigned words, word_t item)
{
    utcb()->mr[0] = op;
    utcb()->mr[1] = number;
    utcb()->mr[2] = last;
    if (item != 0)
        put_cap_item(words, item, 15);
    return call(L4_SLOT_ICU, L4_PROTO_IRQ, words, item != 0);
}

/* EOI, then wait; false: nothing came. */
static int next_interrupt(void)
{
    utcb()->mr[0] = L4_OP_IRQ_EOI;
    return !l4_tag_error(invoke(SEL(SLOT_IRQ) | OP_CALL, l4_tag_make(L4_PROTO_IRQ, 1, 0, 0), NULL, WAIT_4_S));
}

static long prepare(void)
{
    long err = create(SLOT_IRQ, L4_PROTO_IRQ_SENDER);

    if (err >= 0) {
        utcb()->mr[0] = L4_OP_IRQ_BIND;
        utcb()->mr[1] = 0x80;
        put_cap_item(2, L4_SLOT_THREAD, 15);
        err = call(SLOT_IRQ, L4_PROTO_KOBJECT, 2, 1);
    }
    if (err >= 0)
        err = icu(L4_OP_ICU_SET_MODE, RTC_PIN, L4_IRQ_MODE_SET | L4_IRQ_MODE_LEVEL, 3, 0);
    return err < 0 ? err : icu(L4_OP_ICU_BIND, RTC_PIN, 0, 2, SLOT_IRQ);
}

static int second_cpu(void)
{
    struct l4_utcb *u = utcb();

    u->mr[0] = L4_OP_SCHED_INFO;
    u->mr[1] = 0;
    return call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 2, 0) >= 0 && (u->mr[0] & 2);
}

static int test_main(void)
{
    unsigned came = 0, twice = 0;

    if (!second_cpu()) {
        ok(1, "one CPU # SKIP");
        return tap_done();
    }
    set_priority(L4_SLOT_THREAD, 100);
    ok(ports_get() >= 0, "the ports of the clock chip");
    is(prepare(), 0, "an IRQ on its pin, level-triggered");
    is(thread_make(SLOT_OTHER, (struct l4_utcb *)(L4_INITIAL_UTCB + L4_UTCB_SIZE), L4_SLOT_THREAD), 0, "a thread");
    utcb()->mr[0] = L4_OP_SCHED_RUN_THREAD;
    utcb()->mr[1] = 0;
    utcb()->mr[2] = 2;
    utcb()->mr[3] = 50;
    utcb()->mr[4] = 0;
    put_cap_item(5, SLOT_OTHER, 15);
    is(call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1), 0, "on the second CPU");
    thread_ex_regs(SLOT_OTHER, (word_t)other, (word_t)stack_other + sizeof stack_other - 8, 0);
    rtc_write(0xa, 0x26); /* 1024 per second */
    rtc_write(0xb, rtc_read(0xb) | 0x40);
    rtc_read(0xc);
    for (unsigned i = 0; i < ROUNDS && next_interrupt(); i++) {
        came++;
        twice += !(rtc_read(0xc) & 0x40); /* the chip did not ask for this one */
    }
    is(came, ROUNDS, "every interrupt comes");
    ok(twice < ROUNDS / 10, "and hardly one that the chip did not ask for");
    ok(toggles > 100, "while the other CPU works on other pins");
    rtc_write(0xb, rtc_read(0xb) & 0xbf);
    return tap_done();
}
