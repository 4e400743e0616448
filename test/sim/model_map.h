/* SPDX-License-Identifier: MIT */
/*
 * The reference model of mapping, see model_map.c: windows, capability slots, pages of 4 KiB.
 */
#pragma once
#include <l4/msg.h>
#include <l4/types.h>
#include <stdbool.h>
#include <stdint.h>

/* A capability slot. rights: as in flexpages (0-3) and item attributes (4: weak, 5-7: of the object). */
struct model_cap {
    uint32_t object; /* 0: void */
    uint8_t rights;
    bool kept;       /* a boot object: lives without capabilities */
    int64_t counted; /* capabilities that keep the object, with this one */
    unsigned slots;  /* all that name it */
};
/* A page; id 0: none. */
struct model_page {
    uint64_t id, parent; /* mapping, and from which one it was made; kernel-user memory has none */
    word_t pa;
    unsigned rights;
    bool ku;
};
/* The part of a send flexpage that is mapped, and whereto. */
struct model_window {
    word_t src, dst;
    unsigned order;
};
struct model_map {
    word_t item;     /* first word of the send item */
    unsigned rights; /* of the send flexpage */
    unsigned mask;   /* rights that the channel lets pass */
};

/* A receive buffer: where an item goes. */
struct model_buffer {
    word_t item;
    l4_fpage window;
    bool forward;  /* into the task that `task` selects */
    word_t task;
};

/* The buffer at register `at` of br; false: there is none. */
bool model_buffer(const word_t *br, unsigned at, struct model_buffer *out);
/* First word of what the receiver finds in place of a send item. kind: L4_GOT_*. */
word_t model_return_item(const word_t *item, word_t kind);
/* All in units of bytes or slots. */
struct model_window model_window(word_t send, unsigned send_order, word_t receive, unsigned receive_order, word_t hot);
/* n slots from -> to (which may be the same). */
void model_map_caps(struct model_cap *from, struct model_cap *to, unsigned n, const struct model_map *how);
void model_unmap_caps(struct model_cap *slot, unsigned n, unsigned rights, bool del);
/* n pages from -> to, none of which was made from one in `to`. */
void model_map_pages(struct model_page *from, struct model_page *to, unsigned n, const struct model_map *how);
/* The rights that remain after these have been taken; 0: the page is gone. */
unsigned model_unmap_page(unsigned has, unsigned rights);
