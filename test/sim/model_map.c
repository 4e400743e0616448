/* SPDX-License-Identifier: MIT */
/*
 * The reference model of mapping, made from the description of the interface.
 *
 * Capabilities are flat: what is mapped is a copy; what was in its place is removed with delete semantics. An object
 * ends with its last counted capability, or when one with the right to delete is removed so; then all are void.
 * Pages form trees: a page that is mapped onto its own child adds rights, onto anything else replaces it and all that
 * was made from it.
 */
#include "model_map.h"
#include <l4/proto.h>
#include <l4/utcb.h>

#define WEAK 0x10u

struct model_window model_window(word_t send, unsigned send_order, word_t receive, unsigned receive_order, word_t hot)
{
    word_t send_mask = send_order >= 64 ? ~0ul : (1ul << send_order) - 1;
    word_t receive_mask = receive_order >= 64 ? ~0ul : (1ul << receive_order) - 1;
    struct model_window w;

    send &= ~send_mask;
    receive &= ~receive_mask;
    if (receive_order >= send_order) { /* all of it, at the hot spot */
        w.src = send;
        w.dst = receive + (hot & receive_mask & ~send_mask);
        w.order = send_order;
    } else { /* the part that the hot spot names */
        w.src = send + (hot & send_mask & ~receive_mask);
        w.dst = receive;
        w.order = receive_order;
    }
    return w;
}

/* ---- buffers and return items ---- */

bool model_buffer(const word_t *br, unsigned at, struct model_buffer *out)
{
    if (at >= L4_BR_COUNT || br[at] == 0)
        return false;
    *out = (struct model_buffer){.item = br[at++]};
    if (out->item & L4_RCV_SINGLE_CAP) {
        out->window = l4_fpage_make(L4_FPAGE_OBJ, out->item >> L4_SEL_SHIFT, 0, 0);
    } else {
        if (at >= L4_BR_COUNT)
            return false;
        out->window.raw = br[at++];
    }
    out->forward = (out->item & L4_RCV_FORWARD) != 0;
    if (out->forward && at >= L4_BR_COUNT)
        return false;
    out->task = out->forward ? br[at] : 0;
    return true;
}

word_t model_return_item(const word_t *item, word_t kind)
{
    return (item[0] & ~0xff6ul) | kind | (item[1] & 0xff0ul);
}

/* ---- capabilities ---- */

static void object_ends(struct model_cap *slot, unsigned n, uint32_t object)
{
    for (unsigned i = 0; i < n; i++)
        if (slot[i].object == object)
            slot[i] = (struct model_cap){0};
}

/* How many capabilities of the object there are has changed. */
static void object_count(struct model_cap *slot, unsigned n, uint32_t object, int counted, int slots)
{
    for (unsigned i = 0; i < n; i++)
        if (slot[i].object == object) {
            slot[i].counted += counted;
            slot[i].slots += (unsigned)slots;
        }
}

/* Empties a slot; true: the object ends. */
static bool slot_remove(struct model_cap *slot, bool del)
{
    struct model_cap was = *slot;
    bool last = (!(was.rights & WEAK) && was.counted <= 1) || was.slots <= 1;

    *slot = (struct model_cap){0};
    return was.object != 0 && ((last && !was.kept) || (del && (was.rights & L4_RIGHT_D)));
}

void model_map_caps(struct model_cap *from, struct model_cap *to, unsigned n, const struct model_map *how)
{
    for (unsigned i = 0; i < n; i++) {
        struct model_cap source = from[i], old = to[i];
        unsigned rights = source.rights & how->rights & how->mask & 15u;

        if (source.object == 0 || !(source.rights & how->rights & L4_RIGHT_R))
            continue;
        rights |= L4_RIGHT_R | (source.rights & (unsigned)how->item & 0xe0u);
        rights |= (source.rights | (unsigned)how->item) & WEAK;
        if (slot_remove(&to[i], true)) {
            object_ends(from, n, old.object);
            object_ends(to, n, old.object);
            if (old.object == source.object)
                continue;
        } else if (old.object != 0) {
            object_count(from, n, old.object, old.rights & WEAK ? 0 : -1, -1);
            object_count(to, n, old.object, old.rights & WEAK ? 0 : -1, -1);
        }
        source = from[i];
        if (source.object == 0) /* it was the same slot */
            continue;
        object_count(from, n, source.object, rights & WEAK ? 0 : 1, 1);
        if (to != from)
            object_count(to, n, source.object, rights & WEAK ? 0 : 1, 1);
        to[i] = from[i];
        to[i].rights = (uint8_t)rights;
        if (how->item & L4_ITEM_GRANT) {
            uint8_t gone = from[i].rights;

            if (slot_remove(&from[i], false)) {
                object_ends(from, n, source.object);
                object_ends(to, n, source.object);
                continue;
            }
            object_count(from, n, source.object, gone & WEAK ? 0 : -1, -1);
            object_count(to, n, source.object, gone & WEAK ? 0 : -1, -1);
        }
    }
}

void model_unmap_caps(struct model_cap *slot, unsigned n, unsigned rights, bool del)
{
    for (unsigned i = 0; i < n; i++) {
        struct model_cap was = slot[i];

        if (was.object == 0)
            continue;
        if (!(rights & L4_RIGHT_R)) {
            slot[i].rights &= (uint8_t)~(rights & (L4_RIGHT_W | L4_RIGHT_S | L4_RIGHT_D));
            continue;
        }
        if (slot_remove(&slot[i], del))
            object_ends(slot, n, was.object);
        else
            object_count(slot, n, was.object, was.rights & WEAK ? 0 : -1, -1);
    }
}

/* ---- pages ---- */

void model_map_pages(struct model_page *from, struct model_page *to, unsigned n, const struct model_map *how)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned rights = from[i].rights & how->rights & L4_MEM_RIGHTS;

        if (from[i].id == 0 || rights == 0 || to[i].ku) /* kernel-user memory is no source, and stays */
            continue;
        if (!(how->item & L4_ITEM_GRANT) && to[i].id != 0 && to[i].parent == from[i].id && to[i].pa == from[i].pa) {
            to[i].rights |= rights | L4_MEM_R;
            continue;
        }
        to[i] = (struct model_page){.id = 1, .parent = from[i].id, .pa = from[i].pa, .rights = rights | L4_MEM_R};
        if (how->item & L4_ITEM_GRANT) { /* takes its place in the tree */
            to[i].parent = from[i].parent;
            from[i] = (struct model_page){0};
        }
    }
}

unsigned model_unmap_page(unsigned has, unsigned rights)
{
    return rights & L4_MEM_R ? 0 : has & ~rights;
}
