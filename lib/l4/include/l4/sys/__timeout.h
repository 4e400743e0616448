/* SPDX-License-Identifier: MIT */
/*
 * Timeouts. One half (16 bits): 0 never, 0x400 at once, bit 15 clear: mantissa (bits 0-9) * 2^exponent (bits 10-14)
 * microseconds, bit 15 set: absolute, the kernel-clock time lies in buffer register n (bits 0-5).
 * A pair: receive half in bits 0-15, send half in bits 16-31. Include l4/sys/types.h.
 */
#pragma once
#include <l4/sys/consts.h>

typedef struct l4_timeout_s {
    l4_uint16_t t;
} l4_timeout_s;

typedef union l4_timeout_t {
    l4_uint32_t raw;
    struct {
        l4_timeout_s rcv;
        l4_timeout_s snd;
    } p;
} l4_timeout_t;

#ifdef __cplusplus
#define L4_TIMEOUT_HALF_(v) (l4_timeout_s{(l4_uint16_t)(v)})
#define L4_TIMEOUT_PAIR_(v) (l4_timeout_t{(l4_uint32_t)(v)})
#else
#define L4_TIMEOUT_HALF_(v) ((l4_timeout_s){(l4_uint16_t)(v)})
#define L4_TIMEOUT_PAIR_(v) ((l4_timeout_t){(l4_uint32_t)(v)})
#endif

#define L4_IPC_TIMEOUT_0 L4_TIMEOUT_HALF_(0x400)    /* half: at once */
#define L4_IPC_TIMEOUT_NEVER L4_TIMEOUT_HALF_(0)    /* half: never */
#define L4_IPC_NEVER_INITIALIZER {0}
#define L4_IPC_NEVER L4_TIMEOUT_PAIR_(0)
#define L4_IPC_RECV_TIMEOUT_0 L4_TIMEOUT_PAIR_(0x00000400)
#define L4_IPC_SEND_TIMEOUT_0 L4_TIMEOUT_PAIR_(0x04000000)
#define L4_IPC_BOTH_TIMEOUT_0 L4_TIMEOUT_PAIR_(0x04000400)

#define L4_TIMEOUT_US_NEVER (~0ull)         /* argument of l4_timeout_from_us() */
#define L4_TIMEOUT_US_MAX 0x1ffffffffffull  /* largest finite value, 2^41 - 1 us */

/* Relative half: man * 2^exp microseconds, man 0..1023, exp 0..31. */
L4_INLINE l4_timeout_s l4_timeout_rel(unsigned man, unsigned exp)
{
    l4_timeout_s h;

    h.t = (l4_uint16_t)((man & 0x3ffu) | (exp & 31u) << 10);
    return h;
}
/* A pair from its halves. */
L4_INLINE l4_timeout_t l4_timeout(l4_timeout_s snd, l4_timeout_s rcv)
{
    l4_timeout_t t;

    t.p.snd = snd;
    t.p.rcv = rcv;
    return t;
}
/* A pair of relative halves. */
L4_INLINE l4_timeout_t l4_ipc_timeout(unsigned snd_man, unsigned snd_exp, unsigned rcv_man, unsigned rcv_exp)
{
    return l4_timeout(l4_timeout_rel(snd_man, snd_exp), l4_timeout_rel(rcv_man, rcv_exp));
}
/* Replaces the send half of *to. */
L4_INLINE void l4_snd_timeout(l4_timeout_s snd, l4_timeout_t *to) { to->p.snd = snd; }
/* Replaces the receive half of *to. */
L4_INLINE void l4_rcv_timeout(l4_timeout_s rcv, l4_timeout_t *to) { to->p.rcv = rcv; }
/* Microseconds of a relative half; L4_TIMEOUT_US_NEVER for "never". */
L4_INLINE l4_kernel_clock_t l4_timeout_rel_get(l4_timeout_s to)
{
    if (to.t == 0)
        return L4_TIMEOUT_US_NEVER;
    return (l4_kernel_clock_t)(to.t & 0x3ffu) << (to.t >> 10 & 31u);
}
/* Nonzero when the half is an absolute time. */
L4_INLINE unsigned l4_timeout_is_absolute(l4_timeout_s to) { return to.t & 0x8000u; }

/* Nearest relative half that is not shorter than us microseconds: 0 gives "at once", more than L4_TIMEOUT_US_MAX
 * gives "never"; values above 1023 * 2^31 us give that value. */
L4_INLINE l4_timeout_s l4_timeout_from_us(l4_uint64_t us)
{
    unsigned exp = 0;

    if (us == 0)
        return L4_IPC_TIMEOUT_0;
    if (us > L4_TIMEOUT_US_MAX)
        return L4_IPC_TIMEOUT_NEVER;
    while (exp < 31 && (us + (1ull << exp) - 1) >> exp > 1023)
        exp++;
    us = (us + (1ull << exp) - 1) >> exp;
    return l4_timeout_rel(us > 1023 ? 1023u : (unsigned)us, exp);
}

#include <l4/sys/utcb.h> /* l4_timeout_abs(), l4_timeout_get() */
