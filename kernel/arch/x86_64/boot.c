/* SPDX-License-Identifier: MIT */
/*
 * From the first C instruction to kernel_main: final rights of the kernel's own pages, and the choice of the heap. And
 * the end of booting, when the pages of boot_code become the users'.
 *
 *   B1  After arch_start no page of the kernel is both writable and executable, text and constants are not writable
 *       (neither at their linked address nor in the direct map), and user addresses are empty.
 *   B2  The heap overlaps nothing that a memory descriptor names, lies below 4 GiB, and is described as reserved.
 *   B3  After arch_boot_end no CPU runs boot_code or has it in its TLB, its pages are empty and like any other memory.
 */
#include "objects.h"
#include "smp.h"
#include "x86.h"

#define PTE_PRESENT 0x1ul
#define PTE_WRITE 0x2ul
#define PTE_PWT 0x8ul
#define PTE_PCD 0x10ul
#define PTE_LARGE 0x80ul
#define PTE_GLOBAL 0x100ul
#define PTE_NX (1ul << 63)
#define PAGE_2M 0x200000ul
#define MIB 0x100000ul

#define HEAP_MIN (3 * MIB)
#define HEAP_MAX (1024 * MIB)
#define RESERVED_IMAGE 0u
#define RESERVED_HEAP 1u
#define STACK_PAGES (BOOT_STACK_SIZE / L4_PAGE_SIZE)

extern word_t direct_pd[4 * 512], image_pt[512], alias_pt[512], mmio_pt[512];

boot_code _Noreturn void arch_start(void);

/* ---- page tables ---- */

static word_t image_phys(const void *p) { return (word_t)p - ARCH_IMAGE_BASE; }

void tlb_reset(void)
{
    word_t cr4 = read_cr4();

    write_cr4(cr4 & ~CR4_PGE); /* global entries go, too */
    write_cr3(image_phys(kernel_pml4));
    if (cpu_features.pge)
        write_cr4(cr4 | CR4_PGE);
}

/* Rights of the page of the image that begins at va, at its linked address. */
static boot_code word_t image_rights(const char *va)
{
    if (va < image_text_end)
        return PTE_PRESENT;
    if (va < image_rodata_end)
        return PTE_PRESENT | PTE_NX;
    if (va >= image_end && va < boot_code_end)
        return PTE_PRESENT;
    if (va == boot_stack_guard || va >= image_end)
        return 0;
    return PTE_PRESENT | PTE_WRITE | PTE_NX;
}

static boot_code void tables_finish(void)
{
    word_t image = image_phys(image_start);

    for (unsigned i = 0; i < 512; i++) {
        const char *va = image_start + i * L4_PAGE_SIZE;
        word_t pa = image + i * L4_PAGE_SIZE;
        word_t rights = image_rights(va);
        image_pt[i] = rights == 0 ? 0 : pa | rights | PTE_GLOBAL;
        bool writable = (va >= image_rodata_end && va < image_end) || va >= boot_code_end;
        alias_pt[i] = pa | PTE_PRESENT | PTE_NX | PTE_GLOBAL | (writable ? PTE_WRITE : 0);
    }
    for (unsigned i = 0; i < 4 * 512; i++)
        direct_pd[i] = i * PAGE_2M | PTE_PRESENT | PTE_WRITE | PTE_LARGE | PTE_NX | PTE_GLOBAL;
    direct_pd[image / PAGE_2M] = image_phys(alias_pt) | PTE_PRESENT | PTE_WRITE;
    kernel_pml4[0] = 0;
    tlb_reset();
}

/* Everything above RAM leaves the direct map. Firmware tables have been read by now. */
void boot_trim_direct_map(void)
{
    word_t top = 0;

    for (unsigned i = 0; i < kip.mem_count; i++) {
        struct l4_mem_desc d = kip.mem[i];
        if (l4_mem_desc_type(d) == L4_MEM_CONVENTIONAL && !(d.low & L4_MEM_VIRTUAL) && l4_mem_desc_end(d) > top)
            top = l4_mem_desc_end(d);
    }
    for (word_t i = top / PAGE_2M + 1; i < 4 * 512; i++)
        direct_pd[i] = 0;
    tlb_reset();
}

static unsigned mmio_used; /* entries of mmio_pt */

volatile void *mmio_map(word_t pa)
{
    if (mmio_used == 512)
        kpanic("too many device pages", __FILE__, __LINE__);
    mmio_pt[mmio_used] = (pa & ~(L4_PAGE_SIZE - 1)) | PTE_PRESENT | PTE_WRITE | PTE_PCD | PTE_PWT | PTE_NX | PTE_GLOBAL;
    return (volatile char *)(ARCH_MMIO_BASE + mmio_used++ * L4_PAGE_SIZE + (pa & (L4_PAGE_SIZE - 1)));
}

word_t stack_map(word_t pa)
{
    if (mmio_used + 1 + STACK_PAGES > 512)
        return 0;
    mmio_used++; /* the guard */
    for (unsigned i = 0; i < STACK_PAGES; i++)
        mmio_pt[mmio_used++] = (pa + i * L4_PAGE_SIZE) | PTE_PRESENT | PTE_WRITE | PTE_NX | PTE_GLOBAL;
    return ARCH_MMIO_BASE + mmio_used * L4_PAGE_SIZE;
}

_Noreturn void arch_start(void)
{
    uart_init();
    cpu_features_init();
    if (!cpu_features.nx) {
        kprintf("kernel: this CPU cannot protect pages from execution (NX is missing or switched off)\n");
        arch_halt();
    }
    protection_init();
    tables_finish();
    cpu_init(&boot_cpu);
    kernel_main();
}

/* ---- the heap ---- */

static boot_code bool desc_is_physical(struct l4_mem_desc d)
{
    return l4_mem_desc_type(d) != L4_MEM_UNDEFINED && !(d.low & L4_MEM_VIRTUAL);
}

static boot_code void desc_add(word_t start, word_t last, unsigned type, unsigned sub, word_t flags)
{
    for (unsigned i = 0; i < kip.mem_count; i++) {
        if (l4_mem_desc_type(kip.mem[i]) == L4_MEM_UNDEFINED) {
            kip.mem[i] = l4_mem_desc_make(start, last, type, sub, flags);
            return;
        }
    }
    kpanic("the kernel info page has no free memory descriptor", __FILE__, __LINE__);
}

static boot_code word_t ram_size(void)
{
    word_t sum = 0;

    for (unsigned i = 0; i < kip.mem_count; i++)
        if (desc_is_physical(kip.mem[i]) && l4_mem_desc_type(kip.mem[i]) == L4_MEM_CONVENTIONAL)
            sum += l4_mem_desc_end(kip.mem[i]) + 1 - l4_mem_desc_start(kip.mem[i]);
    return sum;
}

/* The highest descriptor other than RAM that meets [start, start + size), or NULL. */
static boot_code const struct l4_mem_desc *range_taken(word_t start, word_t size)
{
    const struct l4_mem_desc *found = NULL;

    for (unsigned i = 0; i < kip.mem_count; i++) {
        const struct l4_mem_desc *d = &kip.mem[i];
        if (!desc_is_physical(*d) || l4_mem_desc_type(*d) == L4_MEM_CONVENTIONAL)
            continue;
        if (l4_mem_desc_start(*d) >= start + size || l4_mem_desc_end(*d) < start)
            continue;
        if (found == NULL || l4_mem_desc_start(*d) > l4_mem_desc_start(*found))
            found = d;
    }
    return found;
}

/* The highest free place of that size and alignment in one piece of RAM above 1 MiB and below 4 GiB; 0: none. */
static boot_code word_t place_in_region(struct l4_mem_desc region, word_t size, word_t align)
{
    word_t low = l4_mem_desc_start(region) < MIB ? MIB : l4_mem_desc_start(region);
    word_t top = l4_mem_desc_end(region) + 1;

    if (top > ARCH_DIRECT_END)
        top = ARCH_DIRECT_END;
    while (top >= size && ((top - size) & ~(align - 1)) >= low) {
        word_t start = (top - size) & ~(align - 1);
        const struct l4_mem_desc *taken = range_taken(start, size);
        if (taken == NULL)
            return start;
        top = l4_mem_desc_start(*taken);
    }
    return 0;
}

static boot_code word_t place_find(word_t size, word_t align)
{
    word_t best = 0;

    for (unsigned i = 0; i < kip.mem_count; i++) {
        struct l4_mem_desc d = kip.mem[i];
        if (!desc_is_physical(d) || l4_mem_desc_type(d) != L4_MEM_CONVENTIONAL)
            continue;
        word_t start = place_in_region(d, size, align);
        if (start > best)
            best = start;
    }
    return best;
}

static boot_code word_t heap_size(void)
{
    word_t size = ram_size() / 16 * 3;

    if (kernel_options.flags & L4_OPT_KMEMSIZE)
        size = (word_t)kernel_options.kmem_kib * 1024;
    if (size < HEAP_MIN)
        size = HEAP_MIN;
    if (size > HEAP_MAX)
        size = HEAP_MAX;
    return size & ~(L4_PAGE_SIZE - 1);
}

/* What is described as a part of the image, from image_end to boot_code_end, is RAM when users read the page. */
static boot_code void boot_code_release(void)
{
    word_t start = image_phys(image_end), end = image_phys(boot_code_end);

    for (unsigned i = 0; i < kip.mem_count; i++) {
        struct l4_mem_desc d = kip.mem[i];
        word_t first = l4_mem_desc_start(d), last = l4_mem_desc_end(d);
        if (!desc_is_physical(d) || l4_mem_desc_type(d) != L4_MEM_RESERVED || first > start || last < end - 1)
            continue;
        if (last >= end)
            desc_add(end, last, L4_MEM_RESERVED, l4_mem_desc_sub(d), 0);
        if (first < start)
            kip.mem[i].high = start - 1;
        else
            kip.mem[i].low = L4_MEM_UNDEFINED;
    }
}

void arch_memory_init(void **heap_start, void **heap_end)
{
    word_t size = heap_size();
    word_t start = place_find(size, PAGE_2M);

    if (start == 0)
        start = place_find(size, L4_PAGE_SIZE);
    if (start == 0) {
        kprintf("kernel: not enough memory: no %lu KiB in one piece for kernel memory (RAM: %lu KiB)\n", size / 1024,
                ram_size() / 1024);
        arch_halt();
    }
    if (range_taken(image_phys(image_start), 1) == NULL)
        desc_add(image_phys(image_start), image_phys(image_end) - 1, L4_MEM_RESERVED, RESERVED_IMAGE, 0);
    boot_code_release();
    desc_add(start, start + size - 1, L4_MEM_RESERVED, RESERVED_HEAP, 0);
    desc_add(0, L4_USER_END - 1, L4_MEM_CONVENTIONAL, 0, L4_MEM_VIRTUAL);
    desc_add(L4_USER_END, ARCH_DIRECT_BASE - 1, L4_MEM_RESERVED, 0, L4_MEM_VIRTUAL);
    *heap_start = (char *)(ARCH_DIRECT_BASE + start);
    *heap_end = (char *)(ARCH_DIRECT_BASE + start + size);
}

/* ---- the end of booting ---- */

void arch_boot_end(unsigned count)
{
    word_t first = (word_t)(image_end - image_start) / L4_PAGE_SIZE;
    word_t end = (word_t)(boot_code_end - image_start) / L4_PAGE_SIZE;

    for (word_t i = first; i < end; i++) {
        image_pt[i] = 0;
        alias_pt[i] |= PTE_WRITE;
    }
    tlb_reset();
    cpus_begin(count);
    memset(arch_phys_to_virt(image_phys(image_end)), 0, (end - first) * L4_PAGE_SIZE);
}
