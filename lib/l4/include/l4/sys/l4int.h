/* SPDX-License-Identifier: MIT */
/* Integer types of the interface (amd64). A machine word has 64 bits. */
#pragma once
#include <stdint.h>
#include <stddef.h>

#define L4_MWORD_BITS 64

typedef int8_t l4_int8_t;
typedef uint8_t l4_uint8_t;
typedef int16_t l4_int16_t;
typedef uint16_t l4_uint16_t;
typedef int32_t l4_int32_t;
typedef uint32_t l4_uint32_t;
typedef int64_t l4_int64_t;
typedef uint64_t l4_uint64_t;
typedef unsigned long l4_umword_t;  /* unsigned machine word */
typedef long l4_mword_t;            /* signed machine word */
typedef unsigned long l4_addr_t;    /* address in bytes */
typedef unsigned long l4_size_t;    /* size in bytes */
typedef long l4_ssize_t;
typedef uint64_t l4_cpu_time_t;     /* microseconds or time-stamp counter ticks, as the function says */
typedef uint64_t l4_kernel_clock_t; /* microseconds since boot */
typedef long l4_ret_t;              /* >= 0 result, < 0 negated error number (l4/sys/err.h) */
