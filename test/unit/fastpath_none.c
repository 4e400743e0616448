/* SPDX-License-Identifier: MIT */
/* fastpath_none.c: the same messages, all of them by the general way. Its system call entry is part of this program. */
#include "message.h"
#include "../../kernel/fastpath_none.c"

int main(void)
{
    message_tests();
    return tap_done();
}
