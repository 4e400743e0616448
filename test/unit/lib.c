/* SPDX-License-Identifier: MIT */
/* lib.c: a panic says what and where, then the machine stops. */
#include "tap.h"
#include "machine.h"
#include <setjmp.h>
#include <string.h>

static jmp_buf halted;

static void on_halt(void) { longjmp(halted, 1); }

int main(void)
{
    machine_start();
    host_on_halt = on_halt;
    host_output(true);
    if (setjmp(halted) == 0) {
        kpanic("the sky falls", "heaven.c", 17);
        ok(false, "a panic does not return");
    } else {
        ok(true, "a panic stops the machine");
    }
    ok(strstr(host_output(false), "kernel: panic: the sky falls (heaven.c:17)") != NULL, "and says what and where");
    return tap_done();
}
