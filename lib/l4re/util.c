/* SPDX-License-Identifier: MIT */
/* The parts of l4/util that are not inline. */
#include <l4/sys/factory.h>
#include <l4/sys/kdebug.h>
#include <l4/sys/task.h>
#include <l4/re/consts.h>
#include <l4/util/backtrace.h>
#include <l4/util/bitops.h>
#include <l4/util/kip.h>
#include <l4/util/port_io.h>
#include <l4/util/printf_helpers.h>
#include <l4/util/rand.h>
#include <l4/util/rdtsc.h>
#include <l4/util/splitlog2.h>
#include <l4/util/thread.h>
#include <l4/util/util.h>

/* ---- sleeping ---- */

l4_timeout_s l4util_micros2l4to(l4_uint64_t us) { return l4_timeout_from_us(us); }

static void sleep_for(l4_timeout_s to)
{
    l4_umword_t error = l4_ipc_error(l4_ipc_sleep(l4_timeout(L4_IPC_TIMEOUT_NEVER, to)), l4_utcb());

    if (error == L4_IPC_RETIMEOUT)
        return;
    l4_kd_outstring("l4_sleep: ended by ");
    l4_kd_outstring(l4sys_errtostr(l4_ipc_to_errno(error)));
    l4_kd_outstring("\n");
}

void l4_sleep(l4_uint32_t ms) { sleep_for(ms == ~0u ? L4_IPC_TIMEOUT_NEVER : l4_timeout_from_us(ms * 1000ull)); }
void l4_usleep(l4_uint64_t us) { sleep_for(l4_timeout_from_us(us)); }

void l4_sleep_forever(void)
{
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

/* ---- memory ---- */

void l4_touch_ro(const void *addr, unsigned size)
{
    for (l4_addr_t a = l4_trunc_page((l4_addr_t)addr); a < (l4_addr_t)addr + size; a += L4_PAGESIZE)
        (void)*(volatile char const *)(a < (l4_addr_t)addr ? (l4_addr_t)addr : a);
}

void l4_touch_rw(const void *addr, unsigned size)
{
    for (l4_addr_t a = l4_trunc_page((l4_addr_t)addr); a < (l4_addr_t)addr + size; a += L4_PAGESIZE)
        __atomic_fetch_add((char *)(a < (l4_addr_t)addr ? (l4_addr_t)addr : a), 0, __ATOMIC_RELAXED);
}

/* ---- bits ---- */

static int find_bit(const void *dest, l4_size_t size, unsigned char flip)
{
    unsigned char const *p = (unsigned char const *)dest;

    for (l4_size_t i = 0; i < size; i++)
        if ((p[i / 8] ^ flip) >> (i % 8) & 1)
            return (int)i;
    return (int)size;
}

int l4util_find_first_set_bit(const void *dest, l4_size_t size) { return find_bit(dest, size, 0); }
int l4util_find_first_zero_bit(const void *dest, l4_size_t size) { return find_bit(dest, size, 0xff); }

int l4util_next_power2(unsigned long val)
{
    int p = 1;

    if (val > 1ul << 30)
        return 0;
    while ((unsigned long)p < val)
        p <<= 1;
    return p;
}

/* ---- time-stamp counter: us = tsc * factor >> 32, ns = tsc * factor >> 27, as the kernel's own functions ---- */

static l4_uint64_t factor_us, factor_ns, khz;

l4_uint32_t l4_calibrate_tsc(l4_kernel_info_t const *kip)
{
    factor_us = *(l4_umword_t const *)((l4_addr_t)kip + L4_KIP_SCALER_US);
    factor_ns = *(l4_umword_t const *)((l4_addr_t)kip + L4_KIP_SCALER_NS);
    khz = kip->cpu_khz;
    if (!factor_us && khz) { /* a clock that is not made from the counter: the frequency will do */
        factor_us = (1000ull << 32) / khz;
        factor_ns = (1000000ull << 27) / khz;
    }
    return (l4_uint32_t)factor_us;
}

l4_uint32_t l4_tsc_init(l4_kernel_info_t const *kip) { return l4_calibrate_tsc(kip); }

l4_uint64_t l4_tsc_to_us(l4_cpu_time_t tsc) { return (l4_uint64_t)((unsigned __int128)tsc * factor_us >> 32); }
l4_uint64_t l4_tsc_to_ns(l4_cpu_time_t tsc) { return (l4_uint64_t)((unsigned __int128)tsc * factor_ns >> 27); }

void l4_tsc_to_s_and_ns(l4_cpu_time_t tsc, l4_uint32_t *s, l4_uint32_t *ns)
{
    l4_uint64_t all = l4_tsc_to_ns(tsc);

    *s = (l4_uint32_t)(all / 1000000000u);
    *ns = (l4_uint32_t)(all % 1000000000u);
}

l4_cpu_time_t l4_ns_to_tsc(l4_uint64_t ns) { return (l4_cpu_time_t)((unsigned __int128)ns * khz / 1000000u); }

void l4_busy_wait_ns(l4_uint64_t ns)
{
    l4_cpu_time_t end = l4_rdtsc() + l4_ns_to_tsc(ns);

    while (l4_rdtsc() < end)
        __asm__ volatile("pause");
}

void l4_busy_wait_us(l4_uint64_t us) { l4_busy_wait_ns(us * 1000); }
l4_uint32_t l4_get_hz(void) { return khz * 1000 > ~0u ? ~0u : (l4_uint32_t)(khz * 1000); }

/* ---- the rest ---- */

unsigned long l4util_kip_kernel_abi_version(l4_kernel_info_t const *k)
{
    static char const name[] = "abiver:";
    char const *end = (char const *)k + L4_KIP_OFFS_READ_US;

    for (char const *p = l4_kip_version_string(k); p < end && *p; p++) {
        unsigned i = 0;
        unsigned long n = 0;

        while (p + i < end && i < sizeof name - 1 && p[i] == name[i])
            i++;
        if (i == sizeof name - 1) {
            for (; p + i < end && p[i] >= '0' && p[i] <= '9'; i++)
                n = n * 10 + (unsigned long)(p[i] - '0');
            return n;
        }
        while (p < end && *p)
            p++;
    }
    return 0;
}

static l4_uint64_t random_state = 1;

void l4util_srand(l4_uint32_t seed) { random_state = seed; }

l4_uint32_t l4util_rand(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (l4_uint32_t)(random_state >> 33);
}

l4_addr_t l4util_splitlog2_size(l4_addr_t start, l4_addr_t end)
{
    return l4_fpage_max_order(0, start, start, end, 0);
}

long l4util_splitlog2_hdl(l4_addr_t start, l4_addr_t end, long (*handler)(l4_addr_t s, l4_addr_t e, int log2size))
{
    while (start <= end) {
        int order = (int)l4util_splitlog2_size(start, end);
        l4_addr_t last = start + (1ul << order) - 1;
        long r = handler(start, last, order);

        if (r)
            return r;
        if (last == ~0ul)
            break;
        start = last + 1;
    }
    return 0;
}

int l4util_ioport_map(l4_cap_idx_t sigma0id, unsigned port_start, unsigned log2size)
{
    l4_utcb_t *u = l4_utcb();
    l4_buf_regs_t *b = l4_utcb_br_u(u);
    l4_fpage_t fp = l4_iofpage(port_start, log2size);
    long r;

    l4_utcb_mr_u(u)->mr[0] = fp.raw;
    l4_utcb_mr_u(u)->mr[1] = 0;
    b->bdr = l4_bdr(2, 0, 2, 0); /* only the I/O list has a buffer */
    b->br[0] = L4_ITEM_MAP;
    b->br[1] = fp.raw;
    b->br[2] = 0;
    r = l4_error_u(l4_ipc_call(sigma0id, u, l4_msgtag(L4_PROTO_IO_PAGE_FAULT, 2, 0, 0), L4_IPC_NEVER), u);
    b->bdr = 0;
    b->br[0] = 0;
    return r < 0 ? (int)r : 0;
}

long l4util_create_thread(l4_cap_idx_t id, l4_utcb_t *thread_utcb, l4_cap_idx_t factory, l4_umword_t pc, l4_umword_t sp,
                          l4_cap_idx_t pager, l4_cap_idx_t task, l4_cap_idx_t scheduler, l4_sched_param_t scp)
{
    long r = l4_error(l4_factory_create_thread(factory, id));

    if (r < 0)
        return r;
    l4_thread_control_start();
    l4_thread_control_pager(pager);
    l4_thread_control_exc_handler(pager);
    l4_thread_control_bind(thread_utcb, task);
    r = l4_error(l4_thread_control_commit(id));
    if (r >= 0)
        r = l4_error(l4_thread_ex_regs(id, pc, sp, 0));
    if (r >= 0)
        r = l4_error(l4_scheduler_run_thread(scheduler, id, &scp));
    if (r < 0)
        l4_task_delete_obj(L4RE_THIS_TASK_CAP, id);
    return r < 0 ? r : 0;
}

/* Follows the chain of frame pointers upward as long as it rises and stays near: a broken chain ends the list. */
int l4util_backtrace(void **pc_array, int max_len)
{
    l4_umword_t *frame = (l4_umword_t *)__builtin_frame_address(0);
    int n = 0;

    while (n < max_len && frame && !((l4_addr_t)frame & 7) && frame[1]) {
        l4_umword_t *up = (l4_umword_t *)frame[0];

        pc_array[n++] = (void *)frame[1];
        if (up <= frame || (l4_addr_t)up - (l4_addr_t)frame > 0x100000)
            break;
        frame = up;
    }
    return n;
}

int l4util_human_readable_size(char *outstr, size_t outsize, unsigned long long bytes)
{
    static char const unit[] = "BKMGTPE";
    char text[24];
    unsigned n = 0, u = 0;
    unsigned long long whole = bytes, tenth = 0;

    if (!outsize)
        return -L4_EINVAL;
    for (; whole >= 1024 && u < sizeof unit - 2; u++) {
        tenth = whole % 1024 * 10 / 1024;
        whole /= 1024;
    }
    for (unsigned long long p = 1000; p; p /= 10)
        if (whole >= p || p == 1)
            text[n++] = (char)('0' + whole / p % 10);
    if (u && whole < 100) {
        text[n++] = '.';
        text[n++] = (char)('0' + tenth);
    }
    text[n++] = ' ';
    if (u) {
        text[n++] = unit[u];
        text[n++] = 'i';
    }
    text[n++] = 'B';
    if (n >= outsize)
        n = (unsigned)outsize - 1;
    for (unsigned i = 0; i < n; i++)
        outstr[i] = text[i];
    outstr[n] = 0;
    return (int)n;
}
