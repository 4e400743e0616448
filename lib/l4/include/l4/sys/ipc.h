/* SPDX-License-Identifier: MIT */
/*
 * The one system call and its uses. dest is a capability selector; what happens depends on the object behind it: a
 * thread or IPC gate gets the message, a kernel object executes it. All functions block as long as the timeout pair
 * allows.
 */
#pragma once
#include <l4/sys/types.h>
#include <l4/sys/utcb.h>
#include <l4/errors.h>

/* IPC errors. Bit 0: 0 the send phase failed, 1 the receive phase. L4_IPC_ERROR_MASK and L4_IPC_NO_REPLY_CAP come from
 * the contract. */
enum l4_ipc_tcr_error_t {
    L4_IPC_SND_ERR_MASK = 1,
    L4_IPC_ENOT_EXISTENT = 4, /* nobody there: slot empty, thread not started or killed, reply slot empty */
    L4_IPC_SETIMEOUT = 2,
    L4_IPC_RETIMEOUT = 3,
    L4_IPC_SECANCELED = 6, /* canceled by ex_regs, or the partner was killed */
    L4_IPC_RECANCELED = 7,
    L4_IPC_SEMSGCUT = 8, /* items did not fit the receiver's buffers */
    L4_IPC_REMSGCUT = 9,
    L4_IPC_SESNDPFTO = 0xa,
    L4_IPC_RESNDPFTO = 0xb,
    L4_IPC_SERCVPFTO = 0xc,
    L4_IPC_RERCVPFTO = 0xd,
    L4_IPC_SEABORTED = 0xe,
    L4_IPC_REABORTED = 0xf,
    L4_IPC_SEMAPFAILED = 0x10, /* no memory or quota for a mapping */
    L4_IPC_REMAPFAILED = 0x11
};

/* The system call. flags: L4_SYSF_*; slabel: label sent when dest is a thread or reply capability (a gate replaces it);
 * *rlabel: label received, written after every call that returns (NULL: not wanted). Returns the tag of the received
 * message, or, without a receive phase, tag itself; with L4_MSGTAG_ERROR see l4_ipc_error(). utcb must be the caller's
 * own. */
L4_INLINE l4_msgtag_t l4_ipc(l4_cap_idx_t dest, l4_utcb_t *utcb, l4_umword_t flags, l4_umword_t slabel,
                             l4_msgtag_t tag, l4_umword_t *rlabel, l4_timeout_t timeout)
{
    l4_umword_t to = dest | flags;
    l4_umword_t label = slabel;
    l4_umword_t raw = (l4_umword_t)tag.raw;
    register l4_umword_t r8 __asm__("r8") = timeout.raw;

    __asm__ volatile("syscall"
                     : "+a"(raw), "+d"(to), "+S"(label), "+D"(utcb), "+r"(r8)
                     :
                     : "rcx", "r11", "r15", "cc", "memory");
    if (rlabel)
        *rlabel = label;
    tag.raw = (l4_mword_t)raw;
    return tag;
}

/* Send only. Returns tag, or an error. */
L4_INLINE l4_msgtag_t l4_ipc_send(l4_cap_idx_t dest, l4_utcb_t *utcb, l4_msgtag_t tag, l4_timeout_t timeout)
{
    return l4_ipc(dest, utcb, L4_SYSF_SEND, 0, tag, (l4_umword_t *)0, timeout);
}
/* Open wait: a message from anybody. *label: label of the gate or IRQ it came through, with the rights W (bit 0) and S
 * (bit 1) of the gate capability that was used. */
L4_INLINE l4_msgtag_t l4_ipc_wait(l4_utcb_t *utcb, l4_umword_t *label, l4_timeout_t timeout)
{
    return l4_ipc(L4_INVALID_CAP, utcb, L4_SYSF_WAIT, 0, l4_msgtag(0, 0, 0, 0), label, timeout);
}
/* Closed wait: a message from the thread, the thread behind the gate, or the IRQ in object. Gives no reply
 * capability. */
L4_INLINE l4_msgtag_t l4_ipc_receive(l4_cap_idx_t object, l4_utcb_t *utcb, l4_timeout_t timeout)
{
    return l4_ipc(object, utcb, L4_SYSF_RECV, 0, l4_msgtag(0, 0, 0, 0), (l4_umword_t *)0, timeout);
}
/* Send, then wait for the answer of the same partner, who gets a reply capability for it. */
L4_INLINE l4_msgtag_t l4_ipc_call(l4_cap_idx_t object, l4_utcb_t *utcb, l4_msgtag_t tag, l4_timeout_t timeout)
{
    return l4_ipc(object, utcb, L4_SYSF_CALL, 0, tag, (l4_umword_t *)0, timeout);
}
/* Answers the caller held in reply_cap: an explicit reply slot (slot << 12 | L4_REPLY_CAP_BIT), or, for
 * L4_INVALID_REPLY_CAP, the last caller. Used up even when sending fails. */
L4_INLINE l4_msgtag_t l4_ipc_reply(l4_cap_idx_t reply_cap, l4_utcb_t *utcb, l4_msgtag_t tag, l4_timeout_t timeout)
{
    return l4_ipc(reply_cap, utcb, L4_SYSF_SEND | L4_SYSF_REPLY, 0, tag, (l4_umword_t *)0, timeout);
}
/* Answers the last caller and waits for the next message, as one step. */
L4_INLINE l4_msgtag_t l4_ipc_reply_and_wait(l4_utcb_t *utcb, l4_msgtag_t tag, l4_umword_t *label, l4_timeout_t timeout)
{
    return l4_ipc(L4_INVALID_CAP, utcb, L4_SYSF_REPLY_AND_WAIT, 0, tag, label, timeout);
}
/* Sends to dest and waits for a message from anybody, as one step. */
L4_INLINE l4_msgtag_t l4_ipc_send_and_wait(l4_cap_idx_t dest, l4_utcb_t *utcb, l4_msgtag_t tag, l4_umword_t *label,
                                           l4_timeout_t timeout)
{
    return l4_ipc(dest, utcb, L4_SYSF_SEND_AND_WAIT, 0, tag, label, timeout);
}
/* Historic; the same as l4_ipc_wait(). */
L4_INLINE l4_msgtag_t l4_ipc_wait_next_period(l4_utcb_t *utcb, l4_umword_t *label, l4_timeout_t timeout)
{
    return l4_ipc_wait(utcb, label, timeout);
}

/* IPC error code (L4_IPC_*) of the call that returned tag, 0 if it succeeded. */
L4_INLINE l4_umword_t l4_ipc_error(l4_msgtag_t tag, l4_utcb_t *utcb)
{
    if (!l4_msgtag_has_error(tag))
        return 0;
    return l4_utcb_tcr_u(utcb)->error & L4_IPC_ERROR_MASK;
}
/* The error code alone, after a tag with L4_MSGTAG_ERROR. */
L4_INLINE int l4_ipc_error_code(l4_utcb_t *utcb) { return (int)(l4_utcb_tcr_u(utcb)->error & L4_IPC_ERROR_MASK); }
/* Did the send phase fail? (After a tag with L4_MSGTAG_ERROR.) */
L4_INLINE int l4_ipc_is_snd_error(l4_utcb_t *utcb) { return (l4_utcb_tcr_u(utcb)->error & 1) == 0; }
/* Did the receive phase fail? */
L4_INLINE int l4_ipc_is_rcv_error(l4_utcb_t *utcb) { return (l4_utcb_tcr_u(utcb)->error & 1) != 0; }
/* IPC error code as negative error number, -(2000 + code). */
L4_INLINE l4_ret_t l4_ipc_to_errno(unsigned long ipc_error_code)
{
    return -(l4_ret_t)(L4_EIPC_LO + (ipc_error_code & L4_IPC_ERROR_MASK));
}
L4_INLINE l4_ret_t l4_error_u(l4_msgtag_t tag, l4_utcb_t *utcb)
{
    if (L4_UNLIKELY(l4_msgtag_has_error(tag)))
        return l4_ipc_to_errno(l4_ipc_error(tag, utcb));
    return l4_msgtag_label(tag);
}
/* Both kinds of failure in one number: -(2000 + IPC error) or the label. */
L4_INLINE l4_ret_t l4_error(l4_msgtag_t tag) { return l4_error_u(tag, l4_utcb()); }

/* Receives from nobody until the receive half of timeout is over: always ends with an error, normally
 * L4_IPC_RETIMEOUT; L4_IPC_RECANCELED when ex_regs canceled it. */
L4_INLINE l4_msgtag_t l4_ipc_sleep(l4_timeout_t timeout)
{
    return l4_ipc_receive(L4_INVALID_CAP, l4_utcb(), timeout);
}
/* Sleeps us microseconds (rounded up to a relative timeout). */
L4_INLINE l4_msgtag_t l4_ipc_sleep_us(l4_uint64_t us)
{
    return l4_ipc_sleep(l4_timeout(L4_IPC_TIMEOUT_NEVER, l4_timeout_from_us(us)));
}
/* Sleeps ms milliseconds. */
L4_INLINE l4_msgtag_t l4_ipc_sleep_ms(l4_uint32_t ms) { return l4_ipc_sleep_us((l4_uint64_t)ms * 1000); }

L4_INLINE int l4_sndfpage_add_u(l4_fpage_t const snd_fpage, unsigned long snd_base, l4_msgtag_t *tag, l4_utcb_t *utcb)
{
    unsigned i = l4_msgtag_words(*tag) + 2 * l4_msgtag_items(*tag);

    if (i + 2 > L4_UTCB_GENERIC_DATA_SIZE)
        return -L4_ENOMEM;
    l4_utcb_mr_u(utcb)->mr[i] = snd_base | L4_ITEM_MAP;
    l4_utcb_mr_u(utcb)->mr[i + 1] = snd_fpage.raw;
    *tag = l4_msgtag(l4_msgtag_label(*tag), l4_msgtag_words(*tag), l4_msgtag_items(*tag) + 1, l4_msgtag_flags(*tag));
    return 0;
}
/* Appends an item to the message that *tag describes and counts it there. snd_base: control word (l4_map_control(),
 * l4_map_obj_control()). All words must be there before the first item. Returns 0, or -L4_ENOMEM when it does not
 * fit. */
L4_INLINE int l4_sndfpage_add(l4_fpage_t const snd_fpage, unsigned long snd_base, l4_msgtag_t *tag)
{
    return l4_sndfpage_add_u(snd_fpage, snd_base, tag, l4_utcb());
}
