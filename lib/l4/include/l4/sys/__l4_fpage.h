/* SPDX-License-Identifier: MIT */
/*
 * Flexpages: naturally aligned power-of-two pieces of memory, I/O ports or capability slots.
 * Rights in bits 0-3, type 4-5, order 6-11, start 12-63. Include l4/sys/types.h.
 */
#pragma once
#include <l4/sys/consts.h>

typedef union l4_fpage_t {
    l4_umword_t fpage;
    l4_umword_t raw;
} l4_fpage_t;

/* A send item: hot spot and control bits, then the flexpage. */
typedef struct l4_snd_fpage_t {
    l4_umword_t snd_base;
    l4_fpage_t fpage;
} l4_snd_fpage_t;

enum l4_fpage_consts {
    L4_FPAGE_RIGHTS_SHIFT = 0,
    L4_FPAGE_TYPE_SHIFT = 4,
    L4_FPAGE_SIZE_SHIFT = 6,
    L4_FPAGE_ADDR_SHIFT = 12,
    L4_FPAGE_RIGHTS_BITS = 4,
    L4_FPAGE_TYPE_BITS = 2,
    L4_FPAGE_SIZE_BITS = 6,
    L4_FPAGE_ADDR_BITS = 52,
    L4_FPAGE_CONTROL_OFFSET_SHIFT = 12
};
#define L4_FPAGE_RIGHTS_MASK 0xful
#define L4_FPAGE_TYPE_MASK 0x30ul
#define L4_FPAGE_SIZE_MASK 0xfc0ul
#define L4_FPAGE_ADDR_MASK (~0xffful)
#define L4_FPAGE_CONTROL_MASK (~0xffful)

enum l4_fpage_type {
    L4_FPAGE_SPECIAL = 0,
    L4_FPAGE_MEMORY = 1,
    L4_FPAGE_IO = 2,
    L4_FPAGE_OBJ = 3
};

/* Memory rights. */
enum L4_fpage_rights {
    L4_FPAGE_X = 1,
    L4_FPAGE_W = 2,
    L4_FPAGE_RO = 4,
    L4_FPAGE_RX = 5,
    L4_FPAGE_RW = 6,
    L4_FPAGE_RWX = 7,
    L4_FPAGE_RIGHTS_ALL = 0xf
};

/* Capability rights: W write, S special, R may be passed on, D may be deleted. */
enum L4_cap_fpage_rights {
    L4_CAP_FPAGE_W = 1,
    L4_CAP_FPAGE_S = 2,
    L4_CAP_FPAGE_R = 4,
    L4_CAP_FPAGE_RO = 4,
    L4_CAP_FPAGE_D = 8,
    L4_CAP_FPAGE_RW = 5,
    L4_CAP_FPAGE_RS = 6,
    L4_CAP_FPAGE_RWS = 7,
    L4_CAP_FPAGE_RWSD = 0xf,
    L4_CAP_FPAGE_RWD = 0xd,
    L4_CAP_FPAGE_RSD = 0xe
};

/* Attributes of object items (bits 4-7 of the control word). */
enum L4_obj_fpage_ctl {
    L4_FPAGE_C_REF_CNT = 0,
    L4_FPAGE_C_NO_REF_CNT = 0x10,  /* weak: does not keep the object alive */
    L4_FPAGE_C_OBJ_RIGHT1 = 0x20,
    L4_FPAGE_C_OBJ_RIGHT2 = 0x40,
    L4_FPAGE_C_OBJ_RIGHT3 = 0x80,
    L4_FPAGE_C_OBJ_RIGHTS = 0xe0,
    L4_FPAGE_C_IPCGATE_SVR = 0x20  /* the server side of a gate: may bind it */
};

/* Caching of memory items, for l4_map_control(). */
enum l4_fpage_cacheability_opt_t {
    L4_FPAGE_CACHE_OPT = 1,
    L4_FPAGE_CACHEABLE = 3,
    L4_FPAGE_BUFFERABLE = 5,
    L4_FPAGE_UNCACHEABLE = 1
};

#define L4_WHOLE_ADDRESS_SPACE 63 /* order */
#define L4_WHOLE_IOADDRESS_SPACE 16
#define L4_IOPORT_MAX 0x10000ul

/* Memory flexpage. address: any address inside, rounded down to 2^order; order 12..63; rights: L4_FPAGE_*. */
L4_INLINE l4_fpage_t l4_fpage(l4_addr_t address, unsigned int order, unsigned char rights)
{
    l4_fpage_t f;

    f.raw = (address & ~0xffful) | (l4_umword_t)(order & 63u) << 6 | L4_FPAGE_MEMORY << 4 | (rights & 15u);
    return f;
}
/* Everything: all spaces, all rights. As receive window it accepts any item. */
L4_INLINE l4_fpage_t l4_fpage_all(void)
{
    l4_fpage_t f;

    f.raw = 63ul << L4_FPAGE_SIZE_SHIFT;
    return f;
}
/* Nothing: the void flexpage, 0. */
L4_INLINE l4_fpage_t l4_fpage_invalid(void)
{
    l4_fpage_t f;

    f.raw = 0;
    return f;
}
/* I/O ports port..port + 2^order - 1 with access. port 0..0xffff, order 0..16. */
L4_INLINE l4_fpage_t l4_iofpage(unsigned long port, unsigned int order)
{
    l4_fpage_t f;

    f.raw = port << 12 | (l4_umword_t)(order & 63u) << 6 | L4_FPAGE_IO << 4 | L4_FPAGE_RW;
    return f;
}
/* 2^order capability slots from obj (a selector) on; rights: L4_CAP_FPAGE_*. */
L4_INLINE l4_fpage_t l4_obj_fpage(l4_cap_idx_t obj, unsigned int order, unsigned char rights)
{
    l4_fpage_t f;

    f.raw = (obj & ~0xffful) | (l4_umword_t)(order & 63u) << 6 | L4_FPAGE_OBJ << 4 | (rights & 15u);
    return f;
}
/* Does the memory flexpage carry the write right? */
L4_INLINE int l4_is_fpage_writable(l4_fpage_t fp) { return (fp.raw & L4_FPAGE_W) != 0; }
/* Is it another value than the void flexpage? */
L4_INLINE int l4_is_fpage_valid(l4_fpage_t fp) { return fp.raw != 0; }

/* Control word of a memory or I/O item. spot: hot spot, an address (bits 12..); cache: l4_fpage_cacheability_opt_t or 0
 * to inherit; grant: L4_MAP_ITEM_GRANT or 0. */
L4_INLINE l4_umword_t l4_map_control(l4_umword_t spot, unsigned char cache, unsigned grant)
{
    return (spot & L4_FPAGE_CONTROL_MASK) | (l4_umword_t)cache << 4 | L4_ITEM_MAP | (grant & L4_MAP_ITEM_GRANT);
}
/* Control word of an object item. spot: destination slot (selector) inside the receive window; grant may also carry
 * L4_FPAGE_C_* attributes. */
L4_INLINE l4_umword_t l4_map_obj_control(l4_umword_t spot, unsigned grant)
{
    return (spot & L4_FPAGE_CONTROL_MASK) | L4_ITEM_MAP | (grant & 0xf2u);
}

/* Rights, 0..15. */
L4_INLINE unsigned l4_fpage_rights(l4_fpage_t f) { return (unsigned)(f.raw & 15u); }
/* One of l4_fpage_type. */
L4_INLINE unsigned l4_fpage_type(l4_fpage_t f) { return (unsigned)(f.raw >> 4 & 3u); }
/* Order, 0..63. */
L4_INLINE unsigned l4_fpage_size(l4_fpage_t f) { return (unsigned)(f.raw >> 6 & 63u); }
/* Start in units of pages, ports or slots. */
L4_INLINE unsigned long l4_fpage_page(l4_fpage_t f) { return f.raw >> 12; }
/* Start address of a memory flexpage. */
L4_INLINE l4_addr_t l4_fpage_memaddr(l4_fpage_t f) { return f.raw & L4_FPAGE_ADDR_MASK; }
/* First selector of an object flexpage. */
L4_INLINE l4_cap_idx_t l4_fpage_obj(l4_fpage_t f) { return f.raw & L4_FPAGE_ADDR_MASK; }
/* First port of an I/O flexpage. */
L4_INLINE unsigned long l4_fpage_ioport(l4_fpage_t f) { return f.raw >> 12; }
/* The same flexpage with other rights. */
L4_INLINE l4_fpage_t l4_fpage_set_rights(l4_fpage_t src, unsigned char new_rights)
{
    l4_fpage_t f;

    f.raw = (src.raw & ~L4_FPAGE_RIGHTS_MASK) | (new_rights & 15u);
    return f;
}
/* Does the memory flexpage contain the block of 2^order bytes at addr? */
L4_INLINE int l4_fpage_contains(l4_fpage_t fpage, l4_addr_t addr, unsigned order)
{
    unsigned fo = l4_fpage_size(fpage);
    l4_addr_t mask = ~0ul << fo;

    return order <= fo && (l4_fpage_memaddr(fpage) & mask) == (addr & mask);
}

/* Largest order >= order of a naturally aligned block that contains addr, lies inside [min_addr, max_addr] (both
 * inclusive), and in which hotspot (the other side's offset) has the same offset as addr. */
L4_INLINE unsigned char l4_fpage_max_order(unsigned char order, l4_addr_t addr, l4_addr_t min_addr, l4_addr_t max_addr,
                                           l4_addr_t hotspot L4_DEFAULT_PARAM(0))
{
    while (order < 62) {
        l4_addr_t mask = ~0ul << (order + 1);
        l4_addr_t base = addr & mask;

        if (base < min_addr || base + ~mask > max_addr)
            break;
        if (hotspot != 0 && ((addr ^ hotspot) & ~mask) >> L4_PAGESHIFT != 0)
            break;
        order++;
    }
    return order;
}
