/* SPDX-License-Identifier: MIT */
/* The US keyboard, by key code: escape is 1, the space bar 57. */
#include <l4/util/keymap.h>

static char const plain[58] = "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static char const shifted[58] = "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

int l4util_map_event_to_keymap(unsigned value, unsigned shift)
{
    return value < sizeof plain ? (shift ? shifted : plain)[value] : 0;
}
