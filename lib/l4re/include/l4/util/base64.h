/* SPDX-License-Identifier: MIT */
/* Base64. The result is made with malloc() and ends with a zero byte; the caller frees it. */
#pragma once
#include <l4/sys/compiler.h>

EXTERN_C_BEGIN
/* *outfile: in_size bytes of infile as text, or NULL when there is no memory. */
void base64_encode(const char *infile, unsigned int in_size, char **outfile);
/* *outfile: what in_size characters of infile stand for. Characters that do not belong to the alphabet are skipped, '='
 * ends the text. NULL when there is no memory. */
void base64_decode(const char *infile, unsigned int in_size, char **outfile);
EXTERN_C_END
