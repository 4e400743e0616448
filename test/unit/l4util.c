/* SPDX-License-Identifier: MIT */
/* l4util: allocator of a list, base64, keys, formatted output, ELF and multiboot headers. */
#include "../../lib/l4re/base64.c"
#include "../../lib/l4re/keymap.c"
#include "../../lib/l4re/kprintf.c"
#include "../../lib/l4re/list_alloc.c"
#include <l4/util/elf.h>
#include <l4/util/mb_info.h>
#include <string.h>
#include <tap.h>

static char printed[2048];
static size_t printed_len;

void l4_kd_outnstring(char const *text, unsigned len)
{
    memcpy(printed + printed_len, text, len);
    printed_len += len;
    printed[printed_len] = 0;
}
void l4_kd_outstring(char const *text) { l4_kd_outnstring(text, (unsigned)strlen(text)); }
void l4_kd_outhex64(l4_uint64_t number) { (void)number; }
void l4_kd_outdec(l4_mword_t number) { l4_kd_outnstring(&(char){(char)('0' + number % 10)}, 1); }

static char pool[1 << 16] __attribute__((aligned(4096)));

static void list_simple(void)
{
    l4la_free_t *list = (l4la_free_t *)pool;
    char *a, *b, *c;

    l4la_init(&list);
    is(l4la_avail(&list), 0, "nothing at the start");
    ok(l4la_alloc(&list, 1, 0) == NULL, "and nothing to get");
    l4la_free(&list, pool, sizeof pool);
    is(l4la_avail(&list), sizeof pool, "all of it");
    a = l4la_alloc(&list, 5, 0);
    b = l4la_alloc(&list, 100, 4096);
    c = l4la_alloc(&list, 16, 16);
    ok(a && b && c && !((l4_addr_t)b & 4095), "three blocks, one aligned");
    is(l4la_avail(&list), sizeof pool - 16 - 112 - 16, "what is left");
    l4la_dump(&list);
    ok(printed_len > 0, "dump");
    l4la_free(&list, b, 100);
    l4la_free(&list, a, 5);
    l4la_free(&list, c, 16);
    is(l4la_avail(&list), sizeof pool, "all back");
    ok(list == (l4la_free_t *)pool && !list->next, "as one block");
    ok(l4la_alloc(&list, sizeof pool, 0) == pool && list == NULL, "which is given out whole");
    ok(l4la_alloc(&list, 0, 0) == NULL, "size 0");
    l4la_free(&list, pool + 3, 64);
    is(l4la_avail(&list), 48, "of unaligned memory what is aligned");
    ok(l4la_alloc(&list, ~0ul, 0) == NULL && l4la_alloc(&list, ~0ul - 20, 0) == NULL, "a size that would wrap");
    ok(l4la_alloc(&list, 16, 48) == NULL, "no power of two");
    ok(l4la_alloc(&list, 16, 1u << 31) == NULL, "an alignment beyond the memory");
    l4la_free(&list, NULL, 100);
    l4la_free(&list, pool, 0);
    is(l4la_avail(&list), 48, "nothing given, nothing gained");
}

/* Random blocks: never two over each other, everything comes back. */
static void list_random(void)
{
    struct { unsigned char *p; unsigned size; } held[64] = {{NULL, 0}};
    unsigned seed = 7, wrong = 0;
    l4la_free_t *list = NULL;

    l4la_free(&list, pool, sizeof pool);
    for (unsigned n = 0; n < 20000; n++) {
        unsigned i = (seed = seed * 1103515245 + 12345) >> 16 & 63;

        if (held[i].p) {
            for (unsigned k = 0; k < held[i].size; k++)
                wrong += held[i].p[k] != i;
            l4la_free(&list, held[i].p, held[i].size);
            held[i].p = NULL;
            continue;
        }
        held[i].size = 1 + (seed >> 8) % 2000;
        held[i].p = l4la_alloc(&list, held[i].size, 1u << (seed & 7) << 4);
        wrong += ((l4_addr_t)held[i].p & ((16ul << (seed & 7)) - 1)) != 0;
        if (held[i].p)
            memset(held[i].p, (int)i, held[i].size);
    }
    for (unsigned i = 0; i < 64; i++)
        if (held[i].p)
            l4la_free(&list, held[i].p, held[i].size);
    is(wrong, 0, "no two blocks share a byte");
    ok(l4la_avail(&list) == sizeof pool && !list->next, "one block again");
}

static int both_ways(char const *plain_text, unsigned len, char const *code)
{
    char *text, *back;
    int same;

    base64_encode(plain_text, len, &text);
    base64_decode(text, (unsigned)strlen(text), &back);
    same = !strcmp(text, code) && !memcmp(back, plain_text, len) && back[len] == 0;
    free(text);
    free(back);
    return same;
}

static void base64(void)
{
    char *back;

    ok(both_ways("", 0, ""), "nothing");
    ok(both_ways("f", 1, "Zg=="), "one byte");
    ok(both_ways("fo", 2, "Zm8="), "two");
    ok(both_ways("foo", 3, "Zm9v"), "three");
    ok(both_ways("foobar", 6, "Zm9vYmFy"), "six");
    ok(both_ways("\xff\0\xfb\xef", 4, "/wD77w=="), "bytes that are no characters");
    base64_decode("Zm9v\nYm Fy!=x", 13, &back);
    ok(!strcmp(back, "foobar"), "foreign characters are skipped");
    free(back);
    base64_decode("Zm9vYmFyZ", 9, &back);
    ok(!strcmp(back, "foobar"), "six bits are no byte");
    free(back);
}

static void rest(void)
{
    Elf64_Ehdr elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB}, .e_machine = EM_X86_64, .e_phoff = 64};
    l4util_mb_addr_range_t ranges[2] = {{20, 0, 0x9f000, 1}, {20, 0x100000, 0x1000, 1}};
    l4util_mb_info_t mbi = {.mmap_addr = 0x9000};
    char long_text[1500];

    is(l4util_map_event_to_keymap(30, 0), 'a', "key A");
    is(l4util_map_event_to_keymap(30, 1), 'A', "with shift");
    is(l4util_map_event_to_keymap(57, 0), ' ', "space bar");
    is(l4util_map_event_to_keymap(53, 1), '?', "question mark");
    is(l4util_map_event_to_keymap(43, 0), '\\', "backslash");
    is(l4util_map_event_to_keymap(42, 0), 0, "shift is no character");
    is(l4util_map_event_to_keymap(58, 0) | l4util_map_event_to_keymap(~0u, 1), 0, "nor are other keys");
    printed_len = 0;
    is(l4_kprintf("%d %s %lx", -3, "x", 0xfffful), 9, "formatted");
    ok(!strcmp(printed, "-3 x ffff"), "text");
    memset(long_text, 'y', sizeof long_text);
    long_text[sizeof long_text - 1] = 0;
    printed_len = 0;
    is(l4_kprintf("%s", long_text), 1499, "a long text");
    is(printed_len, 1023, "is cut");
    ok(l4util_elf_check_magic(&elf) && l4util_elf_check_arch(&elf), "ELF file of ours");
    ok((char *)l4util_elf_phdr(&elf) == (char *)&elf + 64, "its program headers");
    elf.e_machine = EM_386;
    ok(!l4util_elf_check_arch(&elf), "another machine's");
    elf.e_ident[1] = 'e';
    ok(!l4util_elf_check_magic(&elf), "no ELF file");
    is((l4_addr_t)l4util_mb_first_mmap_entry(&mbi), 0x9000, "memory map");
    ok(l4util_mb_next_mmap_entry(ranges) == ranges + 1, "next range");
}

int main(void)
{
    list_simple();
    list_random();
    base64();
    rest();
    return tap_done();
}
