/* SPDX-License-Identifier: MIT */
/* Base64: three bytes are four characters of six bits each. */
#include <l4/util/base64.h>
#include <stdlib.h>

static char const alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const char *infile, unsigned int in_size, char **outfile)
{
    unsigned char const *in = (unsigned char const *)infile;
    char *out = malloc((in_size + 2ul) / 3 * 4 + 1);

    *outfile = out;
    if (!out)
        return;
    for (unsigned long i = 0; i < in_size; i += 3) {
        unsigned long left = in_size - i;
        unsigned v = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0u);

        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
        *out++ = left > 2 ? alphabet[v & 63] : '=';
    }
    *out = 0;
}

/* The six bits of a character, or -1. */
static int value_of(char c)
{
    for (int i = 0; i < 64; i++)
        if (alphabet[i] == c)
            return i;
    return -1;
}

void base64_decode(const char *infile, unsigned int in_size, char **outfile)
{
    char *out = malloc(in_size / 4ul * 3 + 4);
    unsigned v = 0, bits = 0;

    *outfile = out;
    if (!out)
        return;
    for (unsigned i = 0; i < in_size && infile[i] != '='; i++) {
        int six = value_of(infile[i]);

        if (six < 0)
            continue;
        v = (v << 6 | (unsigned)six) & 0xffffu;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *out++ = (char)(v >> bits);
        }
    }
    *out = 0;
}
