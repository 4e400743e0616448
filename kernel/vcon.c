/* SPDX-License-Identifier: MIT */
/*
 * The kernel console: output of user programs and of the kernel itself, a ring of input, and one interrupt line that
 * is hit when the ring stops being empty.
 */
#include <stdarg.h>

#include "ipc.h"
#include "objects.h"
#include "operation.h"
#include "smp.h"

#define INPUT_SIZE 256u

struct kobj vcon_object;
struct irq_source vcon_input;
static const struct irq_lines lines = {.pin = &vcon_input, .pins = 1};
static char input[INPUT_SIZE];
static unsigned input_head, input_count;
static uint32_t flags_in = L4_VCON_ICRNL, flags_out = L4_VCON_ONLCR, flags_local = L4_VCON_ECHO;

/* Returns how long it took: 1 for a character, and more when the device was not ready. */
static unsigned put(char c)
{
    unsigned before = c == '\n' ? 1 + arch_console_put('\r') : 0;

    return before + 1 + arch_console_put(c);
}

/* ---- operations ---- */

/* Text is long when the device is slow. A line goes out in one piece where it is quick: the count begins anew. */
static l4_tag vcon_write(struct invoke *in)
{
    const char *text = (const char *)&in->utcb->mr[2];
    word_t length = in->utcb->mr[1], *done = &in->self->progress.at;
    int spent = 0;

    if (l4_tag_words(in->tag) < 2 || length > L4_VCON_WRITE_MAX)
        return TAG_NO_REPLY;
    while (*done < length) {
        if (spent >= work_slice)
            return TAG_AGAIN;
        spent += (int)put(text[(*done)++]);
    }
    *done = 0;
    return TAG_NO_REPLY;
}

/* The character as the input flags want it; false: it is dropped. */
static bool input_translate(char *c)
{
    if (*c == '\n' && (flags_in & L4_VCON_INLCR))
        *c = '\r';
    else if (*c == '\r' && (flags_in & L4_VCON_IGNCR))
        return false;
    else if (*c == '\r' && (flags_in & L4_VCON_ICRNL))
        *c = '\n';
    return true;
}

static l4_tag vcon_read(struct invoke *in)
{
    word_t *mr = in->utcb->mr, wanted = mr[0] >> 16 & 0xffffu, got = in->self->progress.at;
    char *to = (char *)&mr[1];
    int spent = 0;

    if (wanted > L4_VCON_READ_MAX)
        wanted = L4_VCON_READ_MAX;
    while (got < wanted && input_count > 0) {
        char c = input[input_head];

        if (spent++ >= work_slice) {
            in->self->progress.at = got;
            return TAG_AGAIN;
        }
        input_head = (input_head + 1) % INPUT_SIZE;
        input_count--;
        if (input_translate(&c)) {
            to[got++] = c;
            if (flags_local & L4_VCON_ECHO)
                spent += (int)put(c);
        }
    }
    mr[0] = got | (input_count == 0 ? L4_VCON_READ_EXHAUSTED : 0);
    return tag_label(0);
}

static l4_tag vcon_set_attr(struct invoke *in)
{
    const word_t *mr = in->utcb->mr;

    flags_in = (uint32_t)mr[1];
    flags_out = (uint32_t)mr[2] | L4_VCON_ONLCR;
    flags_local = (uint32_t)mr[3];
    return tag_label(0);
}

static l4_tag vcon_get_attr(struct invoke *in)
{
    word_t *mr = in->utcb->mr;

    mr[1] = flags_in;
    mr[2] = flags_out;
    mr[3] = flags_local;
    return tag_words(0, 4);
}

#define OPERATIONS_OF_VCON OPERATIONS_MINE
#define OPERATION(handler) vcon_##handler(in)

static l4_tag vcon_operate(struct kobj *obj, struct invoke *in)
{
    (void)obj;
    if (l4_tag_label(in->tag) == L4_PROTO_IRQ)
        return icu_operate(in, &lines);
    if (l4_tag_label(in->tag) != L4_PROTO_LOG)
        return tag_label(-L4_ERR_BADPROTO);
    if (l4_tag_words(in->tag) == 0)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    switch (operation_key(L4_PROTO_LOG, in->utcb->mr[0] & 0xffffu)) {
#include <l4/ops.def>
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}

static bool vcon_keep(struct kobj *obj)
{
    (void)obj;
    return true;
}

const struct kobj_ops vcon_ops = {
    .name = "console",
    .answers = true,
    .invoke = kobj_invoke,
    .operate = vcon_operate,
    .destroy = vcon_keep,
    .free = vcon_keep,
};

void vcon_init(void)
{
    kobj_init(&vcon_object, &vcon_ops, KOBJ_VCON, NULL);
    vcon_object.boot = true;
}

struct thread *kernel_console_input(struct thread *self)
{
    bool was_empty;
    int c;

    kernel_enter(self, NULL);
    was_empty = input_count == 0;
    while ((c = arch_console_get()) >= 0)
        if (input_count < INPUT_SIZE) /* what does not fit is lost, as on a real line */
            input[(input_head + input_count++) % INPUT_SIZE] = (char)c;
    if (was_empty && input_count > 0 && vcon_input.irq != NULL)
        vcon_input.irq->hit(vcon_input.irq);
    return kernel_leave(cpu_self()->current);
}

/* ---- kernel messages ---- */

static void print_number(uint64_t value, unsigned base, bool negative)
{
    char digits[24];
    unsigned n = 0;

    do
        digits[n++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    if (negative)
        put('-');
    while (n > 0)
        put(digits[--n]);
}

static void print_string(const char *s)
{
    while (*s != '\0')
        put(*s++);
}

void kprintf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    for (const char *p = format; *p != '\0'; p++) {
        bool wide = false;

        if (*p != '%') {
            put(*p);
            continue;
        }
        if (*++p == 'l') {
            wide = true;
            p++;
        }
        if (*p == 's') {
            print_string(va_arg(args, const char *));
        } else if (*p == 'c') {
            put((char)va_arg(args, int));
        } else if (*p == 'd') {
            long v = wide ? va_arg(args, long) : va_arg(args, int);

            print_number(v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0);
        } else if (*p == 'u' || *p == 'x') {
            print_number(wide ? va_arg(args, unsigned long) : va_arg(args, unsigned), *p == 'x' ? 16 : 10, false);
        } else if (*p == 'p') {
            print_string("0x");
            print_number((uint64_t)(uintptr_t)va_arg(args, void *), 16, false);
        } else {
            put(*p);
        }
    }
    va_end(args);
}
