/* SPDX-License-Identifier: MIT */
/*
 * Memory of the host machine and its start. Physical memory is one block of the process; the kernel's heap is its end,
 * the rest is RAM for users. Page 1 stands for the kernel interface page.
 */
#define _GNU_SOURCE
#include "host.h"
#include "memory.h"
#include "smp.h"
#include <sanitizer/asan_interface.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HOST_KIP_PA L4_PAGE_SIZE
#define ALIGNMENT (2ul << 20)

struct l4_kip kip __attribute__((aligned(4096)));
struct l4_options kernel_options;
char *host_memory;
struct cpu *host_cpu = &boot_cpu;

static word_t memory_bytes, heap_bytes;
static unsigned cpus_wanted;
static jmp_buf start_done;

static bool no_poison;

/* What begins where: for every 16 bytes, the number of what was given out there and not taken back, else 0. */
static uint32_t *live;
static uint32_t given_out;
static uint64_t taken_back;

static void live_set(const void *p, size_t n, bool given)
{
    size_t at = (size_t)((const char *)p - host_memory) / 16;

    if (live == NULL)
        return;
    if (given) {
        live[at] = ++given_out;
        return;
    }
    taken_back++;
    memset(live + at, 0, n / 16 * sizeof *live);
}

uint32_t host_serial(const void *p) { return live == NULL ? 1 : live[(size_t)((const char *)p - host_memory) / 16]; }
bool host_live(const void *p) { return host_serial(p) != 0; }

uint64_t host_taken_back(void) { return taken_back; }

void memory_poison(void *p, size_t n)
{
    if (no_poison)
        return;
    live_set(p, n, false);
    ASAN_POISON_MEMORY_REGION(p, n);
}

void memory_unpoison(void *p, size_t n)
{
    if (n > sizeof(void *)) /* less: the link of a free object */
        live_set(p, n, true);
    ASAN_UNPOISON_MEMORY_REGION(p, n);
}

static void memory_make(const struct host_config *config)
{
    memory_bytes = config->memory_bytes != 0 ? config->memory_bytes : 64ul << 20;
    heap_bytes = config->heap_bytes != 0 ? config->heap_bytes : 16ul << 20;
    char *block = mmap(NULL, memory_bytes + ALIGNMENT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) {
        perror("host machine: memory");
        exit(2);
    }
    host_memory = (char *)(((word_t)block + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
    live = no_poison ? NULL : calloc(memory_bytes / 16, sizeof *live);
    arch_has_1g_pages = !config->no_1g_pages;
}

word_t host_memory_bytes(void) { return memory_bytes; }
word_t host_ram_bytes(void) { return memory_bytes - heap_bytes; }

static void kip_fill(const struct host_config *config)
{
    kip.magic = L4_KIP_MAGIC;
    kip.version = L4_KIP_VERSION;
    kip.sigma0_ip = config->sigma0_ip;
    kip.root_ip = config->root_ip;
    kip.granularity_us = TICK_US;
    kip.mem_offset = L4_KIP_MEM_OFFSET;
    kip.mem[0] = l4_mem_desc_make(0, memory_bytes - 1, L4_MEM_CONVENTIONAL, 0, 0);
    kip.mem[1] = l4_mem_desc_make(0, L4_USER_END - 1, L4_MEM_CONVENTIONAL, 0, L4_MEM_VIRTUAL);
    kip.mem_count = 2;
}

void host_start_memory(const struct host_config *config)
{
    memory_make(config);
    kip_fill(config);
    frame_init(host_memory + host_ram_bytes(), host_memory + memory_bytes);
    arch_pcid_init(HOST_PCIDS);
}

void host_start(const struct host_config *config)
{
    work_slice = work_left = 1 << 30; /* no windows, until the test wants some */
    no_poison = config->no_poison;
    memory_make(config);
    kip_fill(config);
    host_uart_echo(config->echo);
    arch_pcid_init(HOST_PCIDS);
    cpus_wanted = config->cpus == 0 ? 1 : config->cpus > HOST_CPUS ? HOST_CPUS : config->cpus;
    if (setjmp(start_done) == 0)
        kernel_main();
}

/* The end of kernel_main: the machine goes on in the test. */
_Noreturn void arch_resume(struct thread *t)
{
    host_enter(t);
    longjmp(start_done, 1);
}

void arch_memory_init(void **heap_start, void **heap_end)
{
    *heap_start = host_memory + host_ram_bytes();
    *heap_end = host_memory + memory_bytes;
    kip.mem[kip.mem_count++] = l4_mem_desc_make(host_ram_bytes(), memory_bytes - 1, L4_MEM_RESERVED, 0, 0);
}

void arch_init(void) { host_fpu_init(); }
void arch_timer_start(void) {}

/* They are idle until somebody gives them a thread. */
unsigned arch_cpus_start(void)
{
    static struct cpu others[HOST_CPUS - 1];

    for (unsigned id = 1; id < cpus_wanted; id++) {
        cpus[id] = &others[id - 1];
        kernel_cpu_init(cpus[id], id);
        cpus[id]->last_tick_us = arch_clock_us();
        cpus[id]->claim = CPU_PARKED;
    }
    return cpus_wanted;
}

void arch_boot_end(unsigned count) { cpu_count = count; }

void *arch_phys_to_virt(word_t pa) { return host_memory + pa; }

word_t arch_virt_to_phys(const void *va)
{
    return va == &kip ? HOST_KIP_PA : (word_t)va - (word_t)host_memory;
}

bool arch_phys_valid(word_t pa, unsigned order)
{
    word_t heap = host_ram_bytes();

    if (order > arch_phys_bits || pa > (1ul << arch_phys_bits) - (1ul << order))
        return false;
    return pa + (1ul << order) <= heap || pa >= memory_bytes;
}

void (*host_on_halt)(void);

_Noreturn void arch_halt(void)
{
    if (host_on_halt != NULL)
        host_on_halt();
    fputs(host_output(false), stderr);
    abort();
}

_Noreturn void arch_reboot(void) { arch_halt(); }
