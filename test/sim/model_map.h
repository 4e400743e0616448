/* SPDX-License-Identifier: MIT */
/*
 * The reference model of mapping, see model_map.c: windows, buffers, the items of a message; capability slots and pages
 * after map, grant and unmap.
 *
 * An operation is played once, before it happens, on what it touches: that is looked up on demand (model_map_world) and
 * noted in a journal, step by step. Memory may fail at any step: what stays then is the journal up to there.
 */
#pragma once
#include <l4/msg.h>
#include <l4/types.h>
#include <stdbool.h>
#include <stdint.h>

#define MODEL_CELLS 1024u
#define MODEL_LEAVES 1024u
#define MODEL_NODES 2048u
#define MODEL_LIVES 512u
#define MODEL_RANGES 64u
#define MODEL_JOURNAL 4096u
#define MODEL_ITEMS 32u
#define MODEL_HASH 4096u
#define MODEL_PORT_WORDS 1024u
#define MODEL_PORT_EDGES 16384u

/* A capability slot. rights: as in flexpages (0-3) and item attributes (4: weak, 5-7: of the object). */
struct model_slot_of {
    uint64_t task;
    uint32_t at;
    uint64_t object, object_first; /* 0: void; first: at the start */
    uint8_t rights, rights_first;
    bool known;
};
/* An object. */
struct model_life {
    uint64_t object;
    bool kept;       /* a boot object: lives without capabilities */
    bool task;       /* with it others end */
    bool ended, task_known; /* what the task has is loaded */
    int64_t counted, counted_first; /* capabilities that keep it */
    unsigned slots, slots_first;    /* all that name it */
    uint64_t memory;                /* the world's */
    uint32_t serial;
};
/* A place in the tree of who has a page from whom. id 0: made in this operation. */
struct model_node {
    uint64_t id;
    int16_t parent; /* NOBODY: none */
    bool removed, goes;
    uint16_t bucket;
};
/* A page of a task. */
struct model_leaf {
    uint64_t task;
    bool ku, here, here_first; /* first: at the start */
    uint8_t order, cache, rights, rights_first;
    uint8_t status; /* bit 0 referenced, 1 dirty: its own, and what its children have left */
    int16_t node;   /* NOBODY: kernel-user memory, or a page of sigma0 that nobody has */
    uint16_t bucket;
    word_t va, pa;
};
/* A part of an address space that was looked at. */
struct model_range {
    uint64_t task;
    word_t va, end;
    unsigned first, last, at; /* its pages in ascending order, when `sorted`; at: where the last search ended */
    bool sorted;
};
/* Ports of one word that `to` has from `from`. */
struct model_port_edge {
    uint64_t from, to;
    word_t bits, bits_first; /* first: at the start */
    word_t lost;             /* at some time, though it may have them again */
    uint16_t next;           /* of the same word: index + 1 */
};
struct model_ports {
    bool known[MODEL_PORT_WORDS];
    uint16_t first[MODEL_PORT_WORDS]; /* index + 1 */
    uint16_t word[MODEL_PORT_WORDS];  /* those that are known */
    unsigned word_count, edge_count;
    struct model_port_edge edge[MODEL_PORT_EDGES + 1];
};
struct model_change {
    uint16_t step;
    uint8_t what;
    uint8_t rights;
    uint32_t index;
    uint64_t object;
};

/* What the model asks; at the start of the operation. */
struct model_map_world {
    uint64_t (*slot)(uint64_t task, word_t at, unsigned *rights); /* the object, 0: void */
    word_t (*slot_next)(uint64_t task, word_t at); /* the first slot >= at that could be used; ~0: none */
    void (*life)(struct model_life *life);
    /* A gate whose thread is in the task: its label. */
    bool (*gate)(uint64_t object, uint64_t task, word_t *label);
    /* The first page that ends above va and begins below end. */
    bool (*leaf)(uint64_t task, word_t va, word_t end, struct model_leaf *leaf, uint64_t *node);
    uint64_t (*parent)(uint64_t node); /* 0: none */
    /* All pages that were made from this one, over however many steps. */
    void (*derived)(uint64_t node, void (*each)(uint64_t node, const struct model_leaf *leaf));
    unsigned (*order_at)(uint64_t task, word_t va, unsigned order); /* the largest page that could be there */
    bool (*is_sigma0)(uint64_t task);
    bool (*has_ports)(uint64_t task);
    /* Who has ports of this word from whom. */
    void (*ports)(unsigned word, void (*each)(uint64_t from, uint64_t to, word_t bits));
};

struct model_maps {
    const struct model_map_world *world;
    bool elsewhere; /* memory of others than source and destination is needed */
    bool unsure; /* something is not decided: nothing is compared */
    unsigned slot_count, life_count, leaf_count, node_count, range_count, changes, step;
    unsigned base;          /* changes of the operation itself; behind them, what ends with a task */
    unsigned largest, made; /* the largest page seen; how many pages were made */
    uint64_t made_in;       /* 0: in several tasks */
    unsigned used[MODEL_CELLS];
    uint16_t leaf_at[MODEL_HASH], node_at[MODEL_HASH]; /* index + 1, by hash */
    struct model_slot_of slot[MODEL_CELLS]; /* by hash */
    struct model_life life[MODEL_LIVES];
    struct model_leaf leaf[MODEL_LEAVES];
    struct model_node node[MODEL_NODES];
    struct model_range range[MODEL_RANGES];
    struct model_change journal[MODEL_JOURNAL];
    struct model_ports ports;
};

/* The part of a send flexpage that is mapped, and whereto. */
static inline bool window_is_all(l4_fpage window) { return (window.raw & ~15ul) == L4_FPAGE_ALL; }
struct model_window {
    word_t src, dst;
    unsigned order;
};
/* A receive buffer: where an item goes. */
struct model_buffer {
    word_t item;
    l4_fpage window;
    bool forward;  /* into the task that `task` selects */
    word_t task;
    unsigned size; /* in buffer registers */
};
/* The buffer at register `at` of br; false: there is none. */
bool model_buffer(const word_t *br, unsigned at, struct model_buffer *out);
/* All in units of bytes or slots. */
struct model_window model_window(word_t send, unsigned send_order, word_t receive, unsigned receive_order, word_t hot);

void model_maps_begin(struct model_maps *m, const struct model_map_world *world);
/* The operation is over: what ends with the tasks that it has ended. */
void model_maps_end(struct model_maps *m);
/* Everything as it is when the operation ends after so many steps. */
void model_maps_at(struct model_maps *m, unsigned step);
/* A new object comes into a slot. */
#define MODEL_NEW_OBJECT 1ul
void model_create(struct model_maps *m, uint64_t task, word_t slot);

/* ---- model_ports.c ---- */
void model_ports_begin(struct model_ports *p);
/* Was there anything in the source? */
bool model_ports_map(struct model_maps *m, uint64_t from, uint64_t to, const word_t *item, l4_fpage window);
void model_ports_unmap(struct model_maps *m, uint64_t task, l4_fpage fp, bool self);
/* All that the task has. */
void model_ports_end(struct model_maps *m, uint64_t task);

/* The items of one message. */
struct model_items {
    uint64_t from, to;
    const word_t *item;  /* two words each */
    unsigned count, room; /* room: for how many there are message registers */
    const word_t *br;    /* NULL: one window over everything, once, and no return items */
    word_t bdr;
    bool special;        /* the capability it goes through has L4_RIGHT_S */
    word_t back[MODEL_ITEMS][2];      /* what the receiver finds in their place */
    bool back_second[MODEL_ITEMS];    /* is the second word written? */
};
/* 0, or the IPC error of the sender; one that memory makes is not predicted. */
word_t model_items(struct model_maps *m, struct model_items *items);
/* An item of a task operation. */
void model_map(struct model_maps *m, uint64_t from, uint64_t to, const word_t *item, bool special);
/* One flexpage; its status. */
unsigned model_unmap(struct model_maps *m, uint64_t task, l4_fpage fp, bool self, bool del);
