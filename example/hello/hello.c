/* SPDX-License-Identifier: MIT */
/*
 * The first program of the lectures: it greets and sleeps, as often as its first argument says (three times without).
 * printf goes to the log capability of the program, line by line; sleep is an IPC that waits for nobody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int times = argc > 1 ? atoi(argv[1]) : 3;

    for (int i = 0; i < times; i++) {
        if (i > 0)
            sleep(1);
        printf("Hello World!\n");
    }
    return 0;
}
