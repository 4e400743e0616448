/* SPDX-License-Identifier: MIT */
/* Platform control, a second protocol of the ICU object: reboot. There is no suspend; power off is a user's task. */
#include "objects.h"
#include "operation.h"

static l4_tag platform_suspend(const struct invoke *in)
{
    (void)in;
    return tag_label(-L4_ERR_NODEV);
}

static l4_tag platform_shutdown(const struct invoke *in)
{
    if (l4_tag_words(in->tag) != 2)
        return tag_label(-L4_ERR_INVAL);
    if (in->utcb->mr[1] == 1)
        arch_reboot();
    return tag_label(-L4_ERR_NOSYS);
}

/* Processors are never switched off: allowing it changes nothing. */
static l4_tag platform_allow_cpu_off(const struct invoke *in)
{
    (void)in;
    return tag_label(0);
}

#define OPERATIONS_OF_PLATFORM OPERATIONS_MINE
#define OPERATION(handler) platform_##handler(in)

l4_tag platform_operate(struct invoke *in)
{
    if (l4_tag_words(in->tag) == 0)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    switch (operation_key(L4_PROTO_NONE, in->utcb->mr[0])) {
#include <l4/ops.def>
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}
