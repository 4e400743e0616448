/* SPDX-License-Identifier: MIT */
/* fastpath.c: plain messages by the short way, and what it leaves to the general one. */
#include "message.h"

int main(void)
{
    message_tests();
    return tap_done();
}
