/* SPDX-License-Identifier: MIT */
/* platform.c: platform control at the ICU: no suspend, no power off, reboot. */
#include "tap.h"
#include "machine.h"
#include <setjmp.h>

static jmp_buf halted;

static void on_halt(void) { longjmp(halted, 1); }

static long platform(unsigned words, word_t op, word_t w1)
{
    return call_words(L4_SLOT_ICU, L4_PROTO_NONE, 0, words, op, w1, 0, 0);
}

int main(void)
{
    machine_start();
    is(platform(0, 0, 0), -L4_ERR_MSGTOOSHORT, "no word");
    is(platform(1, 77, 0), -L4_ERR_NOSYS, "no such operation");
    is(platform(1, 0x10000 | L4_OP_PLATFORM_SUSPEND, 0), -L4_ERR_NOSYS, "nor with bits above its number");
    is(platform(1, L4_OP_PLATFORM_SUSPEND, 0), -L4_ERR_NODEV, "this machine does not sleep");
    is(platform(1, L4_OP_PLATFORM_SHUTDOWN, 0), -L4_ERR_INVAL, "shutdown has two words");
    is(platform(3, L4_OP_PLATFORM_SHUTDOWN, 0), -L4_ERR_INVAL, "not three");
    is(platform(2, L4_OP_PLATFORM_SHUTDOWN, 0), -L4_ERR_NOSYS, "power off is for others to do");
    is(platform(1, L4_OP_PLATFORM_ALLOW_CPU_OFF, 0), 0, "processors may be switched off, but are not");
    host_on_halt = on_halt;
    if (setjmp(halted) == 0) {
        platform(2, L4_OP_PLATFORM_SHUTDOWN, 1);
        ok(false, "reboot does not return");
    } else {
        ok(true, "reboot ends the machine");
    }
    return tap_done();
}
