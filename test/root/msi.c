/* SPDX-License-Identifier: MIT */
/*
 * Message-signalled interrupts on the machine. A device raises one by writing the data to the address that the ICU
 * tells; here the local APIC does the same to itself: the program gets its registers from sigma0 and sends the vector.
 */
#include "root.h"
#include "tap.h"

#define SLOT_IRQ 0x20
#define SLOT_SEM 0x21
#define LAPIC_AT 0x5000000000ul
#define LAPIC ((volatile uint32_t *)LAPIC_AT)
#define ICR_LOW (0x300 / 4)
#define ICR_HIGH (0x310 / 4)
#define ICR_SELF 0x44000u /* to this CPU, fixed, edge */
#define SIGMA0_IOMEM (~0xfful | 0x70) /* request: a flexpage of device memory */
#define MSI(n) (L4_ICU_MSI | (n))
#define ZERO_RECEIVE L4_TIMEOUT_ZERO

static word_t address, data;

static long map_lapic(void)
{
    struct l4_utcb *u = utcb();

    u->bdr = 0;
    u->br[0] = LAPIC_AT | L4_ITEM_MAP;
    u->br[1] = l4_fpage_make(L4_FPAGE_MEM, LAPIC_AT >> L4_PAGE_SHIFT, 12, 7).raw;
    u->br[2] = 0;
    u->mr[0] = SIGMA0_IOMEM;
    u->mr[1] = l4_fpage_make(L4_FPAGE_MEM, 0xfee00, 12, 7).raw;
    return call(L4_SLOT_PAGER, L4_PROTO_SIGMA0, 2, 0);
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

static void icu_send(word_t op, word_t number)
{
    utcb()->mr[0] = op;
    utcb()->mr[1] = number;
    invoke(SEL(L4_SLOT_ICU) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 2, 0, 0), NULL, NEVER);
}

static void device_writes(void)
{
    LAPIC[ICR_HIGH] = (uint32_t)(address >> 12 & 0xff) << 24;
    LAPIC[ICR_LOW] = ICR_SELF | (uint32_t)(data & 0xff);
    for (volatile int i = 0; i < 1000; i++) /* it comes between two instructions, soon */
        ;
}

/* The label of the message that waits, or 0. */
static word_t received(void)
{
    word_t label = 0;
    l4_tag tag = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, ZERO_RECEIVE);

    return l4_tag_error(tag) ? 0 : label;
}

static long bind_irq(word_t label)
{
    utcb()->mr[0] = L4_OP_IRQ_BIND;
    utcb()->mr[1] = label;
    put_cap_item(2, L4_SLOT_THREAD, 15);
    return call(SLOT_IRQ, L4_PROTO_KOBJECT, 2, 1);
}

static void test_irq(void)
{
    is(create(SLOT_IRQ, L4_PROTO_IRQ_SENDER), 0, "an IRQ");
    is(bind_irq(0x120), 0, "for the root thread");
    is(icu(L4_OP_ICU_BIND, MSI(3), 0, 2, SLOT_IRQ), 0, "on an MSI");
    long err = icu(L4_OP_ICU_MSI_INFO, MSI(3), 0, 3, 0);
    address = utcb()->mr[0];
    data = utcb()->mr[1];
    is(err, 0, "address and data");
    ok((address & ~0xff000ul) == 0xfee00000, "of the local APIC");
    device_writes();
    is(received(), 0, "masked: nothing comes");
    icu_send(L4_OP_ICU_UNMASK, MSI(3));
    is(received(), 0x120, "unmasked: it does");
    unsigned count = 0;
    for (unsigned i = 0; i < 100; i++) {
        device_writes();
        count += received() == 0x120;
    }
    is(count, 100, "each one of a hundred");
    is(received(), 0, "and no more");
    is(icu(L4_OP_ICU_UNBIND, MSI(3), 0, 2, SLOT_IRQ), 0, "unbound");
    device_writes();
    is(received(), 0, "nothing comes");
}

static void test_sem(void)
{
    l4_tag tag;
    unsigned count = 0;

    is(create(SLOT_SEM, L4_PROTO_SEMAPHORE), 0, "a semaphore");
    is(icu(L4_OP_ICU_BIND, MSI(3), 0, 2, SLOT_SEM), 0, "on the same MSI");
    icu_send(L4_OP_ICU_UNMASK, MSI(3));
    device_writes();
    device_writes();
    for (unsigned i = 0; i < 3; i++) {
        utcb()->mr[0] = L4_OP_SEM_DOWN;
        tag = invoke(SEL(SLOT_SEM) | OP_CALL, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0), NULL, ZERO_RECEIVE);
        count += !l4_tag_error(tag);
    }
    is(count, 2, "two interrupts are two ups");
}

/* Every vector of an MSI that nobody uses: the kernel acknowledges and goes on. */
static void test_all(void)
{
    unsigned msis;

    icu(L4_OP_ICU_INFO, 0, 0, 1, 0);
    msis = (unsigned)utcb()->mr[2];
    for (unsigned i = 0; i < msis; i++) {
        icu(L4_OP_ICU_MSI_INFO, MSI(i), 0, 3, 0);
        address = utcb()->mr[0];
        data = utcb()->mr[1];
        if (i != 3)
            device_writes();
    }
    is(received(), 0, "MSIs that are bound to nothing");
    is(icu(L4_OP_ICU_BIND, MSI(msis - 1), 0, 2, SLOT_IRQ), 0, "the last one");
    icu_send(L4_OP_ICU_UNMASK, MSI(msis - 1));
    device_writes();
    is(received(), 0x120, "works, too");
}

static int test_main(void)
{
    set_priority(L4_SLOT_THREAD, 100);
    if (icu(L4_OP_ICU_INFO, 0, 0, 1, 0) < 0 || !(utcb()->mr[0] & L4_ICU_MSI)) {
        ok(1, "no MSIs on this machine # SKIP");
        return tap_done();
    }
    ok(map_lapic() >= 0, "the local APIC's registers");
    test_irq();
    test_sem();
    test_all();
    return tap_done();
}
