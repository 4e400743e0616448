/* SPDX-License-Identifier: MIT */
/* libl4's types: tags, timeouts, flexpages, items, error texts, features; each packed word against the numbers of the
 * interface. */
#include "../../lib/l4/err.c"
#include "../../lib/l4/kip.c"
#include <l4/sys/scheduler.h>
#include <l4/sys/task.h>
#include <l4/sys/vcon.h>
#include <string.h>
#include <tap.h>

static void tags(void)
{
    l4_msgtag_t t = l4_msgtag(-11, 3, 1, 0);

    is((l4_umword_t)t.raw, 0xfffffffffff50043ul, "tag of task map");
    is(l4_msgtag_label(t), -11, "label is signed");
    is(l4_msgtag_words(t), 3, "words");
    is(l4_msgtag_items(t), 1, "items");
    ok(!l4_msgtag_has_error(t), "no error");
    ok(l4_msgtag_has_error(l4_msgtag(0, 0, 0, L4_MSGTAG_ERROR)), "error bit");
    is(l4_msgtag_flags(l4_msgtag(5, 63, 31, L4_MSGTAG_SCHEDULE)), L4_MSGTAG_SCHEDULE, "flags");
    is(l4_msgtag(0, 64, 0, 0).raw, 0, "a count beyond its field does not reach the next one");
    ok(l4_msgtag_is_page_fault(l4_msgtag(-2, 2, 0, 0)), "page fault");
    ok(!l4_msgtag_is_exception(l4_msgtag(-2, 2, 0, 0)), "no exception");
}

static void timeouts(void)
{
    is(l4_timeout_from_us(0).t, 0x400, "0 us: at once");
    is(l4_timeout_from_us(1).t, 1, "1 us");
    is(l4_timeout_from_us(1023).t, 1023, "1023 us");
    is(l4_timeout_from_us(1024).t, 1 << 10 | 512, "1024 us");
    is(l4_timeout_from_us(1025).t, 1 << 10 | 513, "1025 us: rounded up");
    is(l4_timeout_rel_get(l4_timeout_from_us(1000000)), 1000448, "1 s: not shorter");
    is(l4_timeout_from_us(L4_TIMEOUT_US_NEVER).t, 0, "never");
    is(l4_timeout_from_us(L4_TIMEOUT_US_MAX).t, 31 << 10 | 1023, "largest value saturates");
    is(l4_timeout_from_us(L4_TIMEOUT_US_MAX + 1).t, 0, "beyond: never");
    ok(l4_timeout_rel_get(L4_IPC_TIMEOUT_NEVER) == L4_TIMEOUT_US_NEVER, "never is never reached");
    is(l4_timeout_rel_get(L4_IPC_TIMEOUT_0), 0, "at once is 0 us");
    is(l4_timeout_get(1000, l4_timeout_rel(3, 4)), 1048, "48 us from 1000 on");
    is(l4_timeout_get(1000, L4_IPC_TIMEOUT_0), 1000, "at once is now");
    ok(l4_timeout_get(1000, L4_IPC_TIMEOUT_NEVER) == L4_TIMEOUT_US_NEVER, "never is no time from now");
    is(l4_timeout(L4_IPC_TIMEOUT_0, L4_IPC_TIMEOUT_NEVER).raw, 0x04000000, "send half is the upper one");
    is(L4_IPC_BOTH_TIMEOUT_0.raw, 0x04000400, "both 0");
    for (l4_uint64_t us = 1; us < 1ull << 41; us = us * 3 + 1) {
        l4_uint64_t got = l4_timeout_rel_get(l4_timeout_from_us(us));

        if (us <= 1023ull << 31 && (got < us || got - us > us / 256)) {
            is(got, us, "conversion is near and not below");
            return;
        }
    }
    ok(1, "conversion is near and never below");
}

static void fpages(void)
{
    is(l4_fpage(0x10000, 14, L4_FPAGE_RW).raw, 0x10396, "memory flexpage");
    is(l4_obj_fpage(0x21ul << 12, 0, L4_CAP_FPAGE_RW).raw, 0x21035, "object flexpage");
    is(l4_iofpage(0x60, 2).raw, 0x600a6, "I/O flexpage");
    is(l4_fpage_all().raw, 0xfc0, "all spaces");
    is(l4_map_control(0x20000, L4_FPAGE_CACHEABLE, 0), 0x20038, "control word with caching");
    is(l4_map_obj_control(0x42000, L4_MAP_ITEM_GRANT | L4_FPAGE_C_OBJ_RIGHTS), 0x420ea, "control word of an object");
    is(l4_fpage_ioport(l4_iofpage(0x3f8, 3)), 0x3f8, "port");
    is(l4_fpage_set_rights(l4_fpage(0x5000, 12, 7), 4).raw, 0x5314, "other rights");
    ok(l4_fpage_contains(l4_fpage(0x40000000, 20, 0), 0x400ff000, 12), "last page inside");
    ok(!l4_fpage_contains(l4_fpage(0x40000000, 20, 0), 0x40100000, 12), "next one outside");
    ok(!l4_fpage_contains(l4_fpage(0x40000000, 20, 0), 0x40000000, 21), "too large");
    is(l4_fpage_max_order(12, 0x40012000, 0x40000000, 0x400fffff, 0), 20, "largest block: the window");
    is(l4_fpage_max_order(12, 0x40012000, 0x40001000, 0x400fffff, 0), 16, "window that begins unaligned");
    is(l4_fpage_max_order(12, 0x1000, 0, ~0ul, 0x3000), 13, "hot spot of the other side limits");
    is(l4_round_page(1), 0x1000, "round up");
    is(l4_round_size(0x200001, 21), 0x400000, "round up to 2 MiB");
    is(l4_bytes_to_mwords(9), 2, "words for 9 bytes");
}

static void caps(void)
{
    ok(l4_is_invalid_cap(L4_INVALID_CAP), "invalid capability");
    ok(l4_is_valid_cap(0x3000), "slot 3");
    ok(l4_capability_equal(0x3000, 0x3002), "same slot");
    is(l4_capability_next(0x3000), 0x4000, "next slot");
    is(l4_sched_param(32, 0).affinity.gran_offset, 0xff000000ul, "default affinity: all CPUs");
    is(l4_sched_cpu_set(5, 2, 3).gran_offset, 0x2000005, "CPU set");
    is(L4_VCON_WRITE_SIZE, 488, "bytes of a console message");
}

static void texts(void)
{
    ok(!strcmp(l4sys_errtostr(-L4_ENOENT), l4sys_errtostr(L4_ENOENT)), "negated or not");
    ok(strcmp(l4sys_errtostr(-L4_ENOENT), l4sys_errtostr(-L4_EPERM)) != 0, "two errors, two texts");
    ok(!strncmp(l4sys_errtostr(-2003), "IPC: ", 5), "IPC error");
    ok(!strcmp(l4sys_errtostr(-77), "unknown error"), "unknown number");
    ok(!strcmp(l4sys_errtostr(-2031), "unknown error"), "unknown IPC error");
    ok(!strcmp(l4sys_errtostr(-0x7fffffffffffffffl - 1), "unknown error"), "smallest number");
    ok(l4sys_errtostr(0) != NULL, "0 has a text");
}

static void features(void)
{
    static struct l4_kip kip;

    kip.strings_offset = L4_KIP_STRINGS / 16;
    memcpy(kip.strings, "Labe 1\0abiver:3\0mapdb\0", 23);
    ok(l4_kip_kernel_has_feature(&kip, "mapdb"), "feature");
    ok(l4_kip_kernel_has_feature(&kip, "abiver:3"), "first feature");
    ok(!l4_kip_kernel_has_feature(&kip, "map"), "a beginning is no feature");
    ok(!l4_kip_kernel_has_feature(&kip, "Labe 1"), "the version is no feature");
    memset(kip.strings, 'x', sizeof kip.strings);
    ok(!l4_kip_kernel_has_feature(&kip, "y"), "unterminated strings end where the code begins");
}

int main(void)
{
    tags();
    timeouts();
    fpages();
    caps();
    texts();
    features();
    return tap_done();
}
