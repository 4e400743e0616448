/* SPDX-License-Identifier: MIT */
/* The C utilities: every name, type, number and layout of their description. */
#include <l4/util/atomic.h>
#include <l4/util/backtrace.h>
#include <l4/util/base64.h>
#include <l4/util/bitops.h>
#include <l4/util/cpu.h>
#include <l4/util/elf.h>
#include <l4/util/irq.h>
#include <l4/util/keymap.h>
#include <l4/util/kip.h>
#include <l4/util/kprintf.h>
#include <l4/util/l4mod.h>
#include <l4/util/list_alloc.h>
#include <l4/util/lock.h>
#include <l4/util/mb_info.h>
#include <l4/util/port_io.h>
#include <l4/util/printf_helpers.h>
#include <l4/util/rand.h>
#include <l4/util/rdtsc.h>
#include <l4/util/splitlog2.h>
#include <l4/util/thread.h>
#include <l4/util/util.h>
#include <api.h>

static const struct api_fact functions[] = {
    /* l4/util/util.h */
    SAME(l4util_micros2l4to, l4_timeout_s, l4_uint64_t),
    SAME(l4_sleep, void, l4_uint32_t),
    SAME(l4_usleep, void, l4_uint64_t),
    SAME(l4_sleep_forever, void, void),
    SAME(l4_touch_ro, void, const void *, unsigned),
    SAME(l4_touch_rw, void, const void *, unsigned),
    /* l4/util/thread.h */
    SAME(l4util_create_thread, long, l4_cap_idx_t, l4_utcb_t *, l4_cap_idx_t, l4_umword_t, l4_umword_t, l4_cap_idx_t,
         l4_cap_idx_t, l4_cap_idx_t, l4_sched_param_t),
    /* l4/util/bitops.h */
    SAME(l4util_set_bit, void, int, volatile l4_umword_t *),
    SAME(l4util_clear_bit, void, int, volatile l4_umword_t *),
    SAME(l4util_complement_bit, void, int, volatile l4_umword_t *),
    SAME(l4util_test_bit, int, int, const volatile l4_umword_t *),
    SAME(l4util_bts, int, int, volatile l4_umword_t *),
    SAME(l4util_btr, int, int, volatile l4_umword_t *),
    SAME(l4util_btc, int, int, volatile l4_umword_t *),
    SAME(l4util_bsr, int, l4_umword_t),
    SAME(l4util_bsf, int, l4_umword_t),
    SAME(l4util_find_first_set_bit, int, const void *, l4_size_t),
    SAME(l4util_find_first_zero_bit, int, const void *, l4_size_t),
    SAME(l4util_next_power2, int, unsigned long),
    /* l4/util/atomic.h */
    SAME(l4util_cmpxchg64, int, volatile l4_uint64_t *, l4_uint64_t, l4_uint64_t),
    SAME(l4util_cmpxchg32, int, volatile l4_uint32_t *, l4_uint32_t, l4_uint32_t),
    SAME(l4util_cmpxchg16, int, volatile l4_uint16_t *, l4_uint16_t, l4_uint16_t),
    SAME(l4util_cmpxchg8, int, volatile l4_uint8_t *, l4_uint8_t, l4_uint8_t),
    SAME(l4util_cmpxchg, int, volatile l4_umword_t *, l4_umword_t, l4_umword_t),
    SAME(l4util_xchg32, l4_uint32_t, volatile l4_uint32_t *, l4_uint32_t),
    SAME(l4util_xchg16, l4_uint16_t, volatile l4_uint16_t *, l4_uint16_t),
    SAME(l4util_xchg8, l4_uint8_t, volatile l4_uint8_t *, l4_uint8_t),
    SAME(l4util_xchg, l4_umword_t, volatile l4_umword_t *, l4_umword_t),
    SAME(l4util_add8, void, volatile l4_uint8_t *, l4_uint8_t),
    SAME(l4util_add16, void, volatile l4_uint16_t *, l4_uint16_t),
    SAME(l4util_add32, void, volatile l4_uint32_t *, l4_uint32_t),
    SAME(l4util_sub8, void, volatile l4_uint8_t *, l4_uint8_t),
    SAME(l4util_sub16, void, volatile l4_uint16_t *, l4_uint16_t),
    SAME(l4util_sub32, void, volatile l4_uint32_t *, l4_uint32_t),
    SAME(l4util_and8, void, volatile l4_uint8_t *, l4_uint8_t),
    SAME(l4util_and16, void, volatile l4_uint16_t *, l4_uint16_t),
    SAME(l4util_and32, void, volatile l4_uint32_t *, l4_uint32_t),
    SAME(l4util_or8, void, volatile l4_uint8_t *, l4_uint8_t),
    SAME(l4util_or16, void, volatile l4_uint16_t *, l4_uint16_t),
    SAME(l4util_or32, void, volatile l4_uint32_t *, l4_uint32_t),
    SAME(l4util_add8_res, l4_uint8_t, volatile l4_uint8_t *, l4_uint8_t),
    SAME(l4util_add16_res, l4_uint16_t, volatile l4_uint16_t *, l4_uint16_t),
    SAME(l4util_add32_res, l4_uint32_t, volatile l4_uint32_t *, l4_uint32_t),
    SAME(l4util_sub8_res, l4_uint8_t, volatile l4_uint8_t *, l4_uint8_t),
    SAME(l4util_sub16_res, l4_uint16_t, volatile l4_uint16_t *, l4_uint16_t),
    SAME(l4util_sub32_res, l4_uint32_t, volatile l4_uint32_t *, l4_uint32_t),
    SAME(l4util_and8_res, l4_uint8_t, volatile l4_uint8_t *, l4_uint8_t),
    SAME(l4util_and16_res, l4_uint16_t, volatile l4_uint16_t *, l4_uint16_t),
    SAME(l4util_and32_res, l4_uint32_t, volatile l4_uint32_t *, l4_uint32_t),
    SAME(l4util_or8_res, l4_uint8_t, volatile l4_uint8_t *, l4_uint8_t),
    SAME(l4util_or16_res, l4_uint16_t, volatile l4_uint16_t *, l4_uint16_t),
    SAME(l4util_or32_res, l4_uint32_t, volatile l4_uint32_t *, l4_uint32_t),
    SAME(l4util_inc8, void, volatile l4_uint8_t *),
    SAME(l4util_inc16, void, volatile l4_uint16_t *),
    SAME(l4util_inc32, void, volatile l4_uint32_t *),
    SAME(l4util_dec8, void, volatile l4_uint8_t *),
    SAME(l4util_dec16, void, volatile l4_uint16_t *),
    SAME(l4util_dec32, void, volatile l4_uint32_t *),
    SAME(l4util_inc8_res, l4_uint8_t, volatile l4_uint8_t *),
    SAME(l4util_inc16_res, l4_uint16_t, volatile l4_uint16_t *),
    SAME(l4util_inc32_res, l4_uint32_t, volatile l4_uint32_t *),
    SAME(l4util_dec8_res, l4_uint8_t, volatile l4_uint8_t *),
    SAME(l4util_dec16_res, l4_uint16_t, volatile l4_uint16_t *),
    SAME(l4util_dec32_res, l4_uint32_t, volatile l4_uint32_t *),
    SAME(l4util_atomic_add, void, volatile long *, long),
    SAME(l4util_atomic_inc, void, volatile long *),
    SAME(l4util_dec_res, l4_umword_t, volatile l4_umword_t *),
    /* l4/util/lock.h */
    SAME(l4_simple_try_lock, int, l4util_simple_lock_t *),
    SAME(l4_simple_unlock, void, l4util_simple_lock_t *),
    SAME(l4_simple_lock_locked, int, l4util_simple_lock_t *),
    SAME(l4_simple_lock_solid, void, l4util_simple_lock_t *),
    SAME(l4_simple_lock, void, l4util_simple_lock_t *),
    /* l4/util/elf.h */
    SAME(l4util_elf_check_magic, int, ElfW(Ehdr) const *),
    SAME(l4util_elf_check_arch, int, ElfW(Ehdr) const *),
    /* l4/util/kip.h */
    SAME(l4util_kip_kernel_has_feature, int, l4_kernel_info_t const *, char const *),
    SAME(l4util_kip_kernel_abi_version, unsigned long, l4_kernel_info_t const *),
    /* l4/util/mb_info.h */
    SAME(l4util_mb_first_mmap_entry, l4util_mb_addr_range_t *, l4util_mb_info_t *),
    SAME(l4util_mb_next_mmap_entry, l4util_mb_addr_range_t *, l4util_mb_addr_range_t *),
    /* l4/util/rand.h */
    SAME(l4util_rand, l4_uint32_t, void),
    SAME(l4util_srand, void, l4_uint32_t),
    /* l4/util/splitlog2.h */
    SAME(l4util_splitlog2_hdl, long, l4_addr_t, l4_addr_t, long (*)(l4_addr_t, l4_addr_t, int)),
    SAME(l4util_splitlog2_size, l4_addr_t, l4_addr_t, l4_addr_t),
    /* l4/util/printf_helpers.h */
    SAME(l4util_human_readable_size, int, char *, size_t, unsigned long long),
    /* l4/util/list_alloc.h */
    SAME(l4la_free, void, l4la_free_t **, void *, l4_size_t),
    SAME(l4la_alloc, void *, l4la_free_t **, l4_size_t, unsigned),
    SAME(l4la_dump, void, l4la_free_t **),
    SAME(l4la_init, void, l4la_free_t **),
    SAME(l4la_avail, l4_size_t, l4la_free_t **),
    /* l4/util/backtrace.h */
    SAME(l4util_backtrace, int, void **, int),
    /* l4/util/base64.h */
    SAME(base64_encode, void, const char *, unsigned int, char **),
    SAME(base64_decode, void, const char *, unsigned int, char **),
    /* l4/util/keymap.h */
    SAME(l4util_map_event_to_keymap, int, unsigned, unsigned),
    /* l4/util/kprintf.h */
    SAME(l4_kprintf, int, const char *, ...),
    /* l4/util/rdtsc.h */
    SAME(l4_rdtsc, l4_cpu_time_t, void),
    SAME(l4_rdtsc_32, l4_uint32_t, void),
    SAME(l4_rdpmc, l4_uint64_t, int),
    SAME(l4_rdpmc_32, l4_uint32_t, int),
    SAME(l4_tsc_to_ns, l4_uint64_t, l4_cpu_time_t),
    SAME(l4_tsc_to_us, l4_uint64_t, l4_cpu_time_t),
    SAME(l4_tsc_to_s_and_ns, void, l4_cpu_time_t, l4_uint32_t *, l4_uint32_t *),
    SAME(l4_ns_to_tsc, l4_cpu_time_t, l4_uint64_t),
    SAME(l4_busy_wait_ns, void, l4_uint64_t),
    SAME(l4_busy_wait_us, void, l4_uint64_t),
    SAME(l4_calibrate_tsc, l4_uint32_t, l4_kernel_info_t const *),
    SAME(l4_tsc_init, l4_uint32_t, l4_kernel_info_t const *),
    SAME(l4_get_hz, l4_uint32_t, void),
    /* l4/util/irq.h */
    SAME(l4util_cli, void, void),
    SAME(l4util_sti, void, void),
    SAME(l4util_flags_save, void, l4_umword_t *),
    SAME(l4util_flags_restore, void, l4_umword_t *),
    /* l4/util/port_io.h */
    SAME(l4util_in8, l4_uint8_t, l4_uint16_t),
    SAME(l4util_in16, l4_uint16_t, l4_uint16_t),
    SAME(l4util_in32, l4_uint32_t, l4_uint16_t),
    SAME(l4util_ins8, void, l4_uint16_t, l4_umword_t, l4_umword_t),
    SAME(l4util_ins16, void, l4_uint16_t, l4_umword_t, l4_umword_t),
    SAME(l4util_ins32, void, l4_uint16_t, l4_umword_t, l4_umword_t),
    SAME(l4util_out8, void, l4_uint8_t, l4_uint16_t),
    SAME(l4util_out16, void, l4_uint16_t, l4_uint16_t),
    SAME(l4util_out32, void, l4_uint32_t, l4_uint16_t),
    SAME(l4util_outs8, void, l4_uint16_t, l4_umword_t, l4_umword_t),
    SAME(l4util_outs16, void, l4_uint16_t, l4_umword_t, l4_umword_t),
    SAME(l4util_outs32, void, l4_uint16_t, l4_umword_t, l4_umword_t),
    SAME(l4util_iodelay, void, void),
    SAME(l4util_ioport_map, int, l4_cap_idx_t, unsigned, unsigned),
    /* l4/util/cpu.h */
    SAME(l4util_cpu_has_cpuid, int, void),
    SAME(l4util_cpu_capabilities, unsigned int, void),
    SAME(l4util_cpu_capabilities_nocheck, unsigned int, void),
    SAME(l4util_cpu_cpuid, void, unsigned long, unsigned long *, unsigned long *, unsigned long *, unsigned long *),
    SAME(l4util_cpu_pause, void, void),
};

static const struct api_fact constants[] = {
    /* l4/util/l4mod.h */
    IS(L4util_l4mod_mod_flag_unspec, 0), IS(L4util_l4mod_mod_flag_kernel, 1), IS(L4util_l4mod_mod_flag_sigma0, 2),
    IS(L4util_l4mod_mod_flag_roottask, 3), IS(L4util_l4mod_mod_flag_mask, 7),
    /* l4/util/mb_info.h */
    IS(L4UTIL_MB_MEMORY, 1), IS(L4UTIL_MB_BOOTDEV, 2), IS(L4UTIL_MB_CMDLINE, 4), IS(L4UTIL_MB_MODS, 8),
    IS(L4UTIL_MB_AOUT_SYMS, 0x10), IS(L4UTIL_MB_ELF_SHDR, 0x20), IS(L4UTIL_MB_MEM_MAP, 0x40),
    IS(L4UTIL_MB_DRIVE_INFO, 0x80), IS(L4UTIL_MB_CONFIG_TABLE, 0x100), IS(L4UTIL_MB_BOOT_LOADER_NAME, 0x200),
    IS(L4UTIL_MB_APM_TABLE, 0x400), IS(L4UTIL_MB_VIDEO_INFO, 0x800), IS(L4UTIL_MB_VALID, 0x2badb002),
    IS(L4UTIL_MB_VALID_ASM, 0x2badb002), IS(L4UTIL_MB2_MAGIC, 0xe85250d6), IS(L4UTIL_MB2_ARCH_I386, 0),
    IS(L4UTIL_MB2_TERMINATOR_HEADER_TAG, 0), IS(L4UTIL_MB2_INFO_REQUEST_HEADER_TAG, 1),
    IS(L4UTIL_MB2_ENTRY_ADDRESS_HEADER_TAG, 3), IS(L4UTIL_MB2_FRAMEBUFFER_HEADER_TAG, 5),
    IS(L4UTIL_MB2_RELOCATABLE_HEADER_TAG, 0xa), IS(L4UTIL_MB2_TAG_FLAG_REQUIRED, 0),
    IS(L4UTIL_MB2_TAG_ALIGN_SHIFT, 3), IS(L4UTIL_MB2_TAG_ALIGN, 8), IS(L4UTIL_MB2_TERMINATOR_INFO_TAG, 0),
    IS(L4UTIL_MB2_BOOT_CMDLINE_INFO_TAG, 1), IS(L4UTIL_MB2_MODULE_INFO_TAG, 3),
    IS(L4UTIL_MB2_MEMORY_MAP_INFO_TAG, 6), IS(L4UTIL_MB2_FRAMEBUFFER_INFO_TAG, 8),
    IS(L4UTIL_MB2_RSDP_OLD_INFO_TAG, 0xe), IS(L4UTIL_MB2_RSDP_NEW_INFO_TAG, 0xf),
    IS(L4UTIL_MB2_IMAGE_LOAD_BASE_PHYS_INFO_TAG, 0x15), IS(L4UTIL_MB2_RELO_PREFERED_NONE, 0),
    IS(L4UTIL_MB2_RELO_PREFERED_MIN, 1), IS(L4UTIL_MB2_RELO_PREFERED_MAX, 2),
    /* l4/util/elf.h */
    IS(PT_L4_STACK, 0x60000012), IS(PT_L4_AUX, 0x60000014), IS(AT_L4_AUX, 0xf0), IS(AT_L4_ENV, 0xf1),
    IS(AT_L4_KIP, 0xf2), IS(L4_ARCH_EI_DATA, 1), IS(L4_ARCH_E_MACHINE, 0x3e), IS(L4_ARCH_EI_CLASS, 2),
};

static const struct api_fact layouts[] = {
    SIZE(l4util_l4mod_mod, 32), AT(l4util_l4mod_mod, flags, 0), AT(l4util_l4mod_mod, mod_start, 8),
    AT(l4util_l4mod_mod, mod_end, 16), AT(l4util_l4mod_mod, cmdline, 24),
    SIZE(l4util_l4mod_info, 48), AT(l4util_l4mod_info, flags, 0), AT(l4util_l4mod_info, cmdline, 8),
    AT(l4util_l4mod_info, mods_addr, 16), AT(l4util_l4mod_info, mods_count, 24), AT(l4util_l4mod_info, _pad, 28),
    AT(l4util_l4mod_info, vbe_ctrl_info, 32), AT(l4util_l4mod_info, vbe_mode_info, 40),
    SIZE(l4util_mb_info_t, 88), AT(l4util_mb_info_t, flags, 0), AT(l4util_mb_info_t, mem_lower, 4),
    AT(l4util_mb_info_t, mem_upper, 8), AT(l4util_mb_info_t, boot_device, 12), AT(l4util_mb_info_t, cmdline, 16),
    AT(l4util_mb_info_t, mods_count, 20), AT(l4util_mb_info_t, mods_addr, 24), AT(l4util_mb_info_t, syms, 28),
    AT(l4util_mb_info_t, mmap_length, 44), AT(l4util_mb_info_t, mmap_addr, 48),
    AT(l4util_mb_info_t, drives_length, 52), AT(l4util_mb_info_t, drives_addr, 56),
    AT(l4util_mb_info_t, config_table, 60), AT(l4util_mb_info_t, boot_loader_name, 64),
    AT(l4util_mb_info_t, apm_table, 68), AT(l4util_mb_info_t, vbe_ctrl_info, 72),
    AT(l4util_mb_info_t, vbe_mode_info, 76), AT(l4util_mb_info_t, vbe_mode, 80),
    AT(l4util_mb_info_t, vbe_interface_seg, 82), AT(l4util_mb_info_t, vbe_interface_off, 84),
    AT(l4util_mb_info_t, vbe_interface_len, 86),
    SIZE(l4util_mb_mod_t, 16), AT(l4util_mb_mod_t, mod_start, 0), AT(l4util_mb_mod_t, mod_end, 4),
    AT(l4util_mb_mod_t, cmdline, 8), AT(l4util_mb_mod_t, pad, 12),
    SIZE(l4util_mb_addr_range_t, 24), AT(l4util_mb_addr_range_t, struct_size, 0),
    AT(l4util_mb_addr_range_t, addr, 4), AT(l4util_mb_addr_range_t, size, 12), AT(l4util_mb_addr_range_t, type, 20),
};

int main(void)
{
    API_CHECK(functions);
    API_CHECK(constants);
    API_CHECK(layouts);
    return tap_done();
}
