/* SPDX-License-Identifier: MIT */
/*
 * The interrupt controller object: binds IRQs and semaphores to pins. Console and scheduler have a line of their own
 * and answer the same operations through icu_operate. Also answers the platform-control protocol (platform.c).
 *   U1  source->irq == irq  <=>  irq->source == source.
 */
#include "factory.h"
#include "ipc.h"
#include "objects.h"

#define ICU_PINS_MAX 128u
static struct irq_source pins[ICU_PINS_MAX];
static unsigned pin_count;
struct kobj icu_object;

void irq_source_mask(struct irq_source *s)
{
    if (s == NULL)
        return;
    if (s->irq != NULL)
        s->irq->masked = true;
    if (s->pin != ~0u)
        arch_irq_mask(s->pin);
}

void irq_source_unmask(struct irq_source *s)
{
    if (s == NULL)
        return;
    if (s->irq != NULL)
        s->irq->masked = false;
    if (s->pin != ~0u)
        arch_irq_unmask(s->pin);
}

void irq_unbind_source(struct irq_base *irq)
{
    struct irq_source *s = irq->source;

    if (s != NULL) {
        irq_source_mask(s);
        s->irq = NULL;
        irq->source = NULL;
    }
    if (irq->obj.type == KOBJ_IRQ) {
        struct irq *i = irq_of(&irq->obj);

        if (i->deletion_of != NULL) {
            i->deletion_of->delete_irq = NULL;
            i->deletion_of = NULL;
            kobj_unref(&irq->obj);
        }
    }
}

/* The IRQ or semaphore argument of bind and unbind. */
static int irq_arg(const struct invoke *in, struct irq_base **irq, unsigned *rights)
{
    struct kobj *obj;
    int st = cap_arg(in, 0, KOBJ_IRQ, &obj, rights);

    if (st == -L4_ERR_INVAL)
        st = cap_arg(in, 0, KOBJ_SEM, &obj, rights);
    if (st == OK)
        *irq = container_of(obj, struct irq_base, obj);
    return st;
}

static struct irq_source *source_find(struct irq_source *sources, unsigned count, bool hardware, word_t pin)
{
    if (pin >= count || (hardware && !arch_irq_pin_valid((unsigned)pin)))
        return NULL;
    return &sources[pin];
}

static l4_tag source_bind(struct invoke *in, struct irq_source *sources, unsigned count, bool hardware)
{
    struct irq_source *s = source_find(sources, count, hardware, in->utcb->mr[1]);
    struct irq_base *irq;
    unsigned rights;
    int st;

    if (l4_tag_words(in->tag) < 2 || l4_tag_items(in->tag) == 0)
        return tag_label(-L4_ERR_MSGTOOSHORT);
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
    s->level = hardware && arch_irq_is_level(s->pin);
    irq->source = s;
    irq->masked = true;
    return tag_label(0);
}

static l4_tag source_unbind(struct invoke *in, struct irq_source *sources, unsigned count, bool hardware)
{
    struct irq_source *s = source_find(sources, count, hardware, in->utcb->mr[1]);
    struct irq_base *irq;
    unsigned rights;
    int st;

    if (l4_tag_words(in->tag) < 2 || l4_tag_items(in->tag) == 0)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    st = irq_arg(in, &irq, &rights);
    if (st != OK)
        return cap_arg_tag(in, st);
    if (s != NULL && s->irq != NULL)
        irq_unbind_source(s->irq);
    return tag_label(0);
}

static l4_tag source_set_mode(struct invoke *in, struct irq_source *sources, unsigned count, bool hardware)
{
    struct irq_source *s = source_find(sources, count, hardware, in->utcb->mr[1]);
    unsigned mode = (unsigned)in->utcb->mr[2];

    if (l4_tag_words(in->tag) < 3)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    if (s == NULL)
        return tag_label(-L4_ERR_INVAL);
    if (!(mode & L4_IRQ_MODE_SET) || !hardware)
        return tag_label(0);

    status_t st = arch_irq_set_mode(s->pin, mode);

    if (st == OK)
        s->level = arch_irq_is_level(s->pin);
    return tag_label(st);
}

l4_tag icu_operate(struct invoke *in, struct irq_source *sources, unsigned count, bool hardware)
{
    word_t *mr = in->utcb->mr;
    struct irq_source *s;

    if (l4_tag_words(in->tag) == 0)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    switch (mr[0]) {
    case L4_OP_ICU_BIND:
        return source_bind(in, sources, count, hardware);
    case L4_OP_ICU_UNBIND:
        return source_unbind(in, sources, count, hardware);
    case L4_OP_ICU_INFO:
        mr[0] = 0;
        mr[1] = count;
        mr[2] = 0;
        return tag_words(0, 3);
    case L4_OP_ICU_MSI_INFO:
        return tag_label(-L4_ERR_NOSYS); /* no MSI vectors are announced */
    case L4_OP_ICU_UNMASK:
    case L4_OP_ICU_MASK:
        s = l4_tag_words(in->tag) < 2 ? NULL : source_find(sources, count, hardware, mr[1]);
        if (mr[0] == L4_OP_ICU_MASK)
            irq_source_mask(s);
        else
            irq_source_unmask(s);
        return TAG_NO_REPLY;
    case L4_OP_ICU_SET_MODE:
        return source_set_mode(in, sources, count, hardware);
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}

static l4_tag platform_operate(struct invoke *in)
{
    const word_t *mr = in->utcb->mr;

    if (l4_tag_words(in->tag) == 0)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    switch (mr[0]) {
    case L4_OP_PLATFORM_SUSPEND:
        return tag_label(-L4_ERR_NODEV);
    case L4_OP_PLATFORM_SHUTDOWN:
        if (l4_tag_words(in->tag) != 2)
            return tag_label(-L4_ERR_INVAL);
        if (mr[1] == 1)
            arch_reboot();
        return tag_label(-L4_ERR_NOSYS);
    case L4_OP_PLATFORM_ALLOW_CPU_OFF:
        return tag_label(0);
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}

static l4_tag icu_object_operate(struct kobj *obj, struct invoke *in)
{
    (void)obj;
    switch (l4_tag_label(in->tag)) {
    case L4_PROTO_IRQ:
        return icu_operate(in, pins, pin_count, true);
    case L4_PROTO_NONE:
        return platform_operate(in);
    default:
        return tag_label(-L4_ERR_BADPROTO);
    }
}

static void icu_keep(struct kobj *obj) { (void)obj; }

const struct kobj_ops icu_ops = {
    .name = "icu",
    .invoke = kobj_invoke,
    .operate = icu_object_operate,
    .destroy = icu_keep,
    .free = icu_keep,
};

void icu_init(void)
{
    kobj_init(&icu_object, &icu_ops, KOBJ_ICU, NULL);
    icu_object.boot = true;
    pin_count = arch_irq_pins() < ICU_PINS_MAX ? arch_irq_pins() : ICU_PINS_MAX;
    for (unsigned i = 0; i < pin_count; i++)
        pins[i].pin = i;
}

struct thread *kernel_irq(struct thread *self, unsigned pin)
{
    if (pin < pin_count && pins[pin].irq != NULL)
        pins[pin].irq->hit(pins[pin].irq);
    else
        arch_irq_mask(pin);
    return kernel_leave(self);
}
