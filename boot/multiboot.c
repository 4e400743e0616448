/* SPDX-License-Identifier: MIT */
/*
 * Reads what the loader left: multiboot 1 or 2 information, and the modules that mkimage put behind the stage.
 * Fills the memory map (memory.c) and struct boot_info; reserves every range it points into.
 *
 * Modules inside the image come first; modules of the loader follow. So `-kernel IMAGE -initrd FILE` adds a file.
 */
#include "boot.h"
#include "image.h"

#define MB1_LOADED      0x2badb002u
#define MB2_LOADED      0x36d76289u

#define MB1_HAS_MEMORY  (1u << 0)
#define MB1_HAS_CMDLINE (1u << 2)
#define MB1_HAS_MODULES (1u << 3)
#define MB1_HAS_MAP     (1u << 6)

struct mb1_info {
    uint32_t flags, mem_lower_kib, mem_upper_kib, boot_device, cmdline;
    uint32_t module_count, modules, symbols[4], map_size, map;
};

struct mb1_module {
    uint32_t start, end, cmdline, reserved;
};

struct __attribute__((packed)) mb1_map_entry {
    uint32_t size;              /* of the rest */
    uint64_t start, length;
    uint32_t type;
};

enum mb2_tag_type {
    MB2_END = 0, MB2_CMDLINE = 1, MB2_MODULE = 3, MB2_MEMORY = 4, MB2_MAP = 6, MB2_FRAMEBUFFER = 8,
    MB2_EFI32 = 11, MB2_EFI64 = 12, MB2_RSDP_V1 = 14, MB2_RSDP_V2 = 15, MB2_EFI_MAP = 17
};
#define FRAMEBUFFER_TEXT 2

struct mb2_tag {
    uint32_t type, size;
    uint32_t data[];
};

struct __attribute__((packed)) mb2_map_entry {
    uint64_t start, length;
    uint32_t type, zero;
};

/* mkimage writes here; volatile because the compiler cannot know that. */
static volatile struct image_slot image_slot = { IMAGE_SLOT_MAGIC, 0 };

static void module_add(struct boot_info *out, uint64_t start, uint64_t end, const char *cmdline)
{
    if (out->module_count == MODULES_MAX)
        boot_fail("more than %u modules", MODULES_MAX);
    if (end < start)
        boot_fail("module '%s' ends before it starts", cmdline);

    struct module *m = &out->module[out->module_count];
    static const enum module_kind kind[] = { MODULE_KERNEL, MODULE_SIGMA0, MODULE_ROOT };
    m->file = (struct range){ start, end };
    m->cmdline = cmdline;
    m->kind = out->module_count < 3 ? kind[out->module_count] : MODULE_FILE;
    out->module_count++;
    mem_reserve(start, end);
}

static void text_reserve(const char *s)
{
    mem_reserve((uint64_t)s, (uint64_t)s + strlen(s) + 1);
}

static void image_read(struct boot_info *out)
{
    uint64_t base = image_slot.dir_addr;
    const struct image_dir *dir = (const struct image_dir *)base;

    if (base == 0)
        return;
    if (dir->magic != IMAGE_DIR_MAGIC)
        boot_fail("the modules inside the boot image are not where the image says (0x%lx)", base);
    mem_reserve(base, base + dir->size);
    for (unsigned i = 0; i < dir->count; i++) {
        const struct image_entry *e = &dir->entry[i];
        module_add(out, base + e->file_start, base + e->file_end, (const char *)base + e->cmdline);
    }
    if (dir->cmdline != 0)
        out->cmdline = (const char *)base + dir->cmdline;
}

/* A second command line (the loader's, after the image's) is kept only when the image brought none. */
static void cmdline_offer(struct boot_info *out, const char *cmdline)
{
    text_reserve(cmdline);
    if (out->cmdline == NULL)
        out->cmdline = cmdline;
}

static void mb1_read(const struct mb1_info *mb, struct boot_info *out)
{
    mem_reserve((uint64_t)mb, (uint64_t)mb + sizeof(*mb));
    out->text_screen = true;
    if (mb->flags & MB1_HAS_CMDLINE)
        cmdline_offer(out, (const char *)(uint64_t)mb->cmdline);

    if (mb->flags & MB1_HAS_MAP) {
        uint64_t end = (uint64_t)mb->map + mb->map_size;
        mem_reserve(mb->map, end);
        for (uint64_t at = mb->map; at + sizeof(struct mb1_map_entry) <= end;) {
            const struct mb1_map_entry *e = (const struct mb1_map_entry *)at;
            mem_add(e->start, e->length, e->type);
            at += e->size + 4;
        }
    } else if (mb->flags & MB1_HAS_MEMORY) {
        mem_add(0, mb->mem_lower_kib * KIB, MEM_RAM);
        mem_add(MIB, mb->mem_upper_kib * KIB, MEM_RAM);
    }

    if (!(mb->flags & MB1_HAS_MODULES))
        return;
    const struct mb1_module *m = (const struct mb1_module *)(uint64_t)mb->modules;
    mem_reserve((uint64_t)m, (uint64_t)(m + mb->module_count));
    for (unsigned i = 0; i < mb->module_count; i++) {
        const char *cmdline = m[i].cmdline != 0 ? (const char *)(uint64_t)m[i].cmdline : "";
        text_reserve(cmdline);
        module_add(out, m[i].start, m[i].end, cmdline);
    }
}

static void mb2_map_read(const struct mb2_tag *tag)
{
    uint32_t entry_size = tag->data[0];
    uint64_t end = (uint64_t)tag + tag->size;

    if (entry_size < sizeof(struct mb2_map_entry))
        return;
    for (uint64_t at = (uint64_t)&tag->data[2]; at + entry_size <= end; at += entry_size) {
        const struct mb2_map_entry *e = (const struct mb2_map_entry *)at;
        mem_add(e->start, e->length, e->type);
    }
}

static const struct mb2_tag *mb2_next(const struct mb2_tag *tag)
{
    return (const struct mb2_tag *)align_up((uint64_t)tag + tag->size, 8);
}

static void mb2_read(const uint32_t *info, struct boot_info *out)
{
    const struct mb2_tag *first = (const struct mb2_tag *)(info + 2);
    const struct mb2_tag *memory = NULL;
    bool have_map = false, have_framebuffer = false;

    mem_reserve((uint64_t)info, (uint64_t)info + info[0]);
    for (const struct mb2_tag *tag = first; tag->type != MB2_END && tag->size >= 8; tag = mb2_next(tag)) {
        if (tag->type == MB2_CMDLINE) {
            cmdline_offer(out, (const char *)tag->data);
        } else if (tag->type == MB2_MODULE) {
            module_add(out, tag->data[0], tag->data[1], (const char *)&tag->data[2]);
        } else if (tag->type == MB2_MEMORY) {
            memory = tag;
        } else if (tag->type == MB2_MAP) {
            mb2_map_read(tag);
            have_map = true;
        } else if (tag->type == MB2_FRAMEBUFFER) {
            have_framebuffer = true;
            out->text_screen = ((const uint8_t *)tag)[29] == FRAMEBUFFER_TEXT;
        } else if (tag->type == MB2_EFI32 || tag->type == MB2_EFI64 || tag->type == MB2_EFI_MAP) {
            out->efi = true;
        } else if (tag->type == MB2_RSDP_V2 || (tag->type == MB2_RSDP_V1 && out->rsdp == 0)) {
            out->rsdp = (uint64_t)tag->data;
            out->rsdp_size = tag->size - 8;
        }
    }
    if (!have_map && memory != NULL) {
        mem_add(0, memory->data[0] * KIB, MEM_RAM);
        mem_add(MIB, memory->data[1] * KIB, MEM_RAM);
    }
    if (!have_framebuffer)
        out->text_screen = !out->efi;
}

void multiboot_read(uint32_t magic, uint64_t info, struct boot_info *out)
{
    mem_reserve((uint64_t)boot_start, (uint64_t)boot_end);
    image_read(out);
    if (magic == MB1_LOADED)
        mb1_read((const struct mb1_info *)info, out);
    else if (magic == MB2_LOADED)
        mb2_read((const uint32_t *)info, out);
    else
        boot_fail("not started by a multiboot loader (magic 0x%x)", magic);
    if (out->cmdline == NULL)
        out->cmdline = "";
    /* Under BIOS the original stays where it is; the loader's copy goes with the loader's information. */
    uint64_t original = out->efi ? 0 : acpi_rsdp_scan();
    if (original != 0) {
        out->rsdp = original;
        out->rsdp_size = 0;
    }
}
