/* SPDX-License-Identifier: MIT */
/* Writes down what a person types. It reads and writes like any C program; the console behind it is a capability. */
#include <l4/re/env.h>
#include <l4/sys/vcon.h>
#include <stdio.h>

int main(void)
{
    l4_vcon_attr_t attr;
    char line[100];
    int entries = 0;

    if (l4_error(l4_vcon_get_attr(l4re_env()->log, &attr)) >= 0) {
        attr.l_flags |= L4_VCON_ICANON; /* whole lines, with Backspace */
        l4_vcon_set_attr(l4re_env()->log, &attr);
    }
    printf("Dear diary, what happened today?\n");
    printf("Tomorrow I shall be read by somebody.\n");
    while (fgets(line, sizeof line, stdin) != NULL)
        printf("Entry %d: %s", ++entries, line);
    return 0;
}
