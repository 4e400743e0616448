/* SPDX-License-Identifier: MIT */
/*
 * The interrupt controller object: binds IRQs and semaphores to pins and MSIs. Console and scheduler have a line of
 * their own and answer the same operations through icu_operate. The object also answers platform control (platform.c).
 *   U1  source->irq == irq  <=>  irq->source == source.
 *   U2  An MSI number is a vector for ever: nothing is allocated when it is bound, and what a device sends to a number
 *       that nobody is bound to is dropped.
 */
#include "factory.h"
#include "ipc.h"
#include "objects.h"
#include "operation.h"
#include "smp.h"

#define ICU_PINS_MAX 160u
#define ICU_MSIS_MAX 128u
static struct irq_source pins[ICU_PINS_MAX], msis[ICU_MSIS_MAX];
static struct irq_lines hardware = {.pin = pins, .msi = msis};
struct kobj icu_object;

void irq_source_mask(struct irq_source *s)
{
    if (s == NULL)
        return;
    if (s->irq != NULL)
        s->irq->held = false; /* whoever masks it has to unmask it */
    s->masked = true;
    if (s->kind == SOURCE_PIN)
        arch_irq_mask(s->number);
}

void irq_source_unmask(struct irq_source *s)
{
    if (s == NULL)
        return;
    if (s->irq != NULL)
        s->irq->held = false;
    s->masked = false;
    if (s->kind == SOURCE_PIN)
        arch_irq_unmask(s->number);
    if (s->pending) {
        s->pending = false;
        if (s->irq != NULL)
            s->irq->hit(s->irq);
    }
}

void irq_unbind_source(struct irq_base *irq)
{
    struct irq_source *s = irq->source;

    if (s != NULL) {
        irq_source_mask(s);
        s->irq = NULL;
        s->pending = false;
        irq->source = NULL;
    }
    if ((irq->obj.type & ~KOBJ_DEAD) == KOBJ_IRQ) {
        struct irq *i = irq_of(&irq->obj);

        if (i->deletion_of != NULL) {
            i->deletion_of->delete_irq = NULL;
            i->deletion_of = NULL;
            kobj_unref(&irq->obj);
        }
    }
}

/* The IRQ or semaphore argument of bind and unbind. OK, or what cap_arg_tag makes an answer of. */
static int irq_arg(const struct invoke *in, struct irq_base **irq, unsigned *rights)
{
    struct kobj *obj;
    int st;

    if (l4_tag_items(in->tag) == 0)
        return -L4_ERR_MSGTOOSHORT;
    st = cap_arg(in, KOBJ_IRQ, &obj, rights);
    if (st == -L4_ERR_INVAL)
        st = cap_arg(in, KOBJ_SEM, &obj, rights);
    if (st == OK)
        *irq = container_of(obj, struct irq_base, obj);
    return st;
}

static struct irq_source *source_find(const struct irq_lines *lines, word_t number)
{
    struct irq_source *s;

    if (number & L4_ICU_MSI) {
        number &= ~L4_ICU_MSI;
        return number < lines->msis ? &lines->msi[arch_index(number, lines->msis)] : NULL;
    }
    if (number >= lines->pins)
        return NULL;
    s = &lines->pin[arch_index(number, lines->pins)];
    return s->kind == SOURCE_PIN && !arch_irq_pin_valid(s->number) ? NULL : s;
}

static l4_tag icu_bind(struct invoke *in, const struct irq_lines *lines)
{
    struct irq_source *s = source_find(lines, in->utcb->mr[1]);
    struct irq_base *irq;
    unsigned rights;
    int st;

    st = irq_arg(in, &irq, &rights);
    if (st != OK)
        return cap_arg_tag(in, st);
    if (!(rights & L4_RIGHT_W))
        return tag_label(-L4_ERR_PERM);
    if (s != NULL && s->irq == irq)
        return tag_label(0);
    irq_unbind_source(irq);
    if (s == NULL || s->irq != NULL)
        return tag_label(-L4_ERR_INVAL);
    s->irq = irq;
    s->level = s->kind == SOURCE_PIN && arch_irq_is_level(s->number);
    irq->source = s;
    irq_source_mask(s); /* it may have been unmasked while it was free */
    return tag_label(0);
}

static l4_tag icu_unbind(struct invoke *in, const struct irq_lines *lines)
{
    struct irq_source *s = source_find(lines, in->utcb->mr[1]);
    struct irq_base *irq;
    unsigned rights;
    int st;

    st = irq_arg(in, &irq, &rights);
    if (st != OK)
        return cap_arg_tag(in, st);
    if (s != NULL && s->irq != NULL)
        irq_unbind_source(s->irq);
    return tag_label(0);
}

static l4_tag icu_set_mode(struct invoke *in, const struct irq_lines *lines)
{
    struct irq_source *s = source_find(lines, in->utcb->mr[1]);
    unsigned mode = (unsigned)in->utcb->mr[2];

    if (s == NULL)
        return tag_label(-L4_ERR_INVAL);
    if (!(mode & L4_IRQ_MODE_SET) || s->kind == SOURCE_LINE)
        return tag_label(0);
    if (s->kind == SOURCE_MSI)
        return tag_label(mode & L4_IRQ_MODE_LEVEL ? -L4_ERR_INVAL : 0);

    status_t st = arch_irq_set_mode(s->number, mode);

    if (st == OK)
        s->level = arch_irq_is_level(s->number);
    return tag_label(st);
}

static l4_tag icu_msi_info(struct invoke *in, const struct irq_lines *lines)
{
    word_t *mr = in->utcb->mr, number = mr[1];
    uint32_t data;

    if (lines->msis == 0)
        return tag_label(-L4_ERR_NOSYS);
    if (!(number & L4_ICU_MSI) || source_find(lines, number) == NULL)
        return tag_label(-L4_ERR_RANGE);
    arch_msi_info((unsigned)(number & ~L4_ICU_MSI), mr[2], &mr[0], &data);
    mr[1] = data;
    return tag_words(0, 2);
}

static l4_tag icu_info(struct invoke *in, const struct irq_lines *lines)
{
    word_t *mr = in->utcb->mr;

    mr[0] = lines->msis != 0 ? L4_ICU_MSI : 0;
    mr[1] = lines->pins;
    mr[2] = lines->msis;
    return tag_words(0, 3);
}

static l4_tag icu_mask(struct invoke *in, const struct irq_lines *lines)
{
    if (l4_tag_words(in->tag) >= 2)
        irq_source_mask(source_find(lines, in->utcb->mr[1]));
    return TAG_NO_REPLY;
}

static l4_tag icu_unmask(struct invoke *in, const struct irq_lines *lines)
{
    if (l4_tag_words(in->tag) >= 2)
        irq_source_unmask(source_find(lines, in->utcb->mr[1]));
    return TAG_NO_REPLY;
}

#define OPERATIONS_OF_ICU OPERATIONS_MINE
#define OPERATION(handler) icu_##handler(in, lines)

l4_tag icu_operate(struct invoke *in, const struct irq_lines *lines)
{
    if (l4_tag_words(in->tag) == 0)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    switch (operation_key(L4_PROTO_IRQ, in->utcb->mr[0])) {
#include <l4/ops.def>
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}

static l4_tag icu_object_operate(struct kobj *obj, struct invoke *in)
{
    (void)obj;
    switch (l4_tag_label(in->tag)) {
    case L4_PROTO_IRQ:
        return icu_operate(in, &hardware);
    case L4_PROTO_NONE:
        return platform_operate(in);
    default:
        return tag_label(-L4_ERR_BADPROTO);
    }
}

static bool icu_keep(struct kobj *obj)
{
    (void)obj;
    return true;
}

const struct kobj_ops icu_ops = {
    .name = "icu",
    .answers = true,
    .invoke = kobj_invoke,
    .operate = icu_object_operate,
    .destroy = icu_keep,
    .free = icu_keep,
};

void icu_init(void)
{
    kobj_init(&icu_object, &icu_ops, KOBJ_ICU, NULL);
    icu_object.boot = true;
    hardware.pins = arch_irq_pins() < ICU_PINS_MAX ? arch_irq_pins() : ICU_PINS_MAX;
    hardware.msis = arch_msi_count() < ICU_MSIS_MAX ? arch_msi_count() : ICU_MSIS_MAX;
    for (unsigned i = 0; i < hardware.pins; i++)
        pins[i] = (struct irq_source){.number = i, .kind = SOURCE_PIN};
    for (unsigned i = 0; i < hardware.msis; i++)
        msis[i] = (struct irq_source){.number = i, .kind = SOURCE_MSI, .masked = true};
}

struct thread *kernel_irq(struct thread *self, unsigned pin)
{
    kernel_enter(self, NULL);
    if (pin < hardware.pins && pins[pin].irq != NULL)
        pins[pin].irq->hit(pins[pin].irq);
    else
        arch_irq_mask(pin);
    return kernel_leave(cpu_self()->current);
}

struct thread *kernel_msi(struct thread *self, unsigned number)
{
    struct irq_source *s = number < hardware.msis ? &msis[number] : NULL;

    kernel_enter(self, NULL);
    if (s != NULL && s->irq != NULL) {
        if (s->masked)
            s->pending = true;
        else
            s->irq->hit(s->irq);
    }
    return kernel_leave(cpu_self()->current);
}
