/* SPDX-License-Identifier: MIT */
/*
 * Root task: dataspaces against a model of plain bytes. Random writes by "clients" (who must ask for a page with the
 * right to write and lose what is unmapped), copies, clearing, contiguous and static memory, exhausted quota.
 */
#pragma GCC diagnostic ignored "-Wconversion"
#include <l4/sys/task.h>

static void unmapped(const l4_fpage_t *list, unsigned n);
#define l4_task_unmap_batch(task, list, n, mask) unmapped(list, n)
#include "../../server/moe/arena.c"
#include "../../server/moe/ds.c"
#include "../../server/moe/page.c"
#include "../../server/moe/pagemap.c"
#include <stdlib.h>
#include <tap.h>

/* ---- what ds.c needs of the rest of the root task ---- */

struct factory root_factory;
const struct l4re_proto ds_protos[1];
static struct object *doomed_object;

void object_init(struct object *o, const struct object_type *type, struct factory *owner)
{
    *o = (struct object){.type = type, .owner = owner};
    o->obj.cap = L4_INVALID_CAP;
}
void object_remove(struct object *o) { (void)o; }
void object_doom(struct object *o) { doomed_object = o; }
void object_gate_gone(struct l4re_obj *obj, struct l4re_srv *srv)
{
    (void)obj;
    (void)srv;
}
void rm_attachment_void(struct attachment *a) { (void)a; }

/* ---- clients: what they have mapped of a page of a dataspace ---- */

#define SPACES 4u
#define PAGES 12u

static struct ds *space[SPACES];
static unsigned char model[SPACES][PAGES * L4_PAGE_SIZE];
static struct { word_t address; unsigned rights; } mapped[SPACES][PAGES];

static void unmapped(const l4_fpage_t *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        word_t start = l4_fpage_memaddr(list[i]), size = 1ul << l4_fpage_size(list[i]);
        unsigned rights = l4_fpage_rights(list[i]);
        for (unsigned s = 0; s < SPACES; s++)
            for (unsigned p = 0; p < PAGES; p++)
                if (mapped[s][p].address - start < size)
                    mapped[s][p].rights &= (rights & L4_FPAGE_RO) != 0 ? 0u : ~rights;
    }
}

static unsigned long seed = 7;
static unsigned dice(unsigned n)
{
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(seed >> 33) % n;
}

/* The page as a client sees it; asks for it when it has not the right. */
static unsigned char *client_page(unsigned s, unsigned p, unsigned need)
{
    if ((mapped[s][p].rights & need) != need) {
        l4_fpage_t page;
        if (ds_fault(space[s], p * L4_PAGE_SIZE, need, DS_RIGHTS, 0x40000000 + p * L4_PAGE_SIZE, 0, ~0ul, &page) < 0)
            return NULL;
        word_t offset = (p * L4_PAGE_SIZE + 0x40000000) & ((1ul << l4_fpage_size(page)) - 1);
        mapped[s][p].address = l4_fpage_memaddr(page) + (offset & ~PAGE_MASK);
        mapped[s][p].rights = l4_fpage_rights(page);
    }
    return (unsigned char *)mapped[s][p].address;
}

static int same(unsigned s)
{
    for (unsigned p = 0; p < PAGES; p++) {
        const unsigned char *page = client_page(s, p, DS_R);
        if (page == NULL || memcmp(page, model[s] + p * L4_PAGE_SIZE, L4_PAGE_SIZE) != 0)
            return 0;
    }
    return 1;
}

static void random_write(unsigned s)
{
    unsigned p = dice(PAGES), at = dice(L4_PAGE_SIZE);
    unsigned char *page = client_page(s, p, DS_R | DS_W);

    if (page != NULL)
        page[at] = model[s][p * L4_PAGE_SIZE + at] = (unsigned char)dice(256);
}

static void random_copy(unsigned s, unsigned t)
{
    const word_t end = PAGES * L4_PAGE_SIZE;
    word_t from = dice(PAGES) * L4_PAGE_SIZE, to = dice(PAGES) * L4_PAGE_SIZE, n = dice(PAGES) * L4_PAGE_SIZE;

    if (dice(3) == 0) {
        from += dice(100);
        to += dice(100);
        n += dice(5000);
    }
    if (ds_copy(space[s], to, space[t], from, n) < 0)
        return;
    n = n < end - to ? n : end - to;
    n = n < end - from ? n : end - from;
    memmove(model[s] + to, model[t] + from, n);
}

static void random_drop(unsigned s)
{
    unsigned p = dice(PAGES), last = p + dice(3);

    if (space[s]->kind != DS_LAZY)
        return;
    ds_pages_drop(space[s], p, last);
    for (; p <= last && p < PAGES; p++)
        memset(model[s] + p * L4_PAGE_SIZE, 0, L4_PAGE_SIZE);
}

static void random_history(void)
{
    int good = 1;

    for (unsigned n = 0; n < 4000 && good; n++) {
        switch (dice(8)) {
        case 0:
            random_drop(dice(SPACES));
            break;
        case 1:
        case 2:
        case 3:
            random_copy(dice(SPACES), dice(SPACES));
            break;
        default:
            random_write(dice(SPACES));
        }
        for (unsigned s = 0; n % 8 == 0 && s < SPACES; s++)
            good &= same(s);
    }
    ok(good, "every client sees what the model says, after every eighth of 4000 steps");
}

int main(void)
{
    word_t size = 4ul << 20, memory = (word_t)aligned_alloc(size, size), all;
    struct page_range range = {memory, memory + size};
    struct ds *d;
    l4_fpage_t page;

    page_init(&range, 1);
    root_factory.quota.limit = ~0ul;
    arena_init(&root_factory.arena, &root_factory.quota);
    all = page_available();
    for (unsigned s = 0; s < SPACES; s++)
        is(ds_create(&root_factory, PAGES * L4_PAGE_SIZE, s == SPACES - 1 ? DS_CREATE_CONTINUOUS : 0, 0, &space[s]), 0,
           "create");
    random_history();
    page_check();
    for (unsigned s = 0; s < SPACES; s++)
        ds_unused(&space[s]->object);
    ok(page_available() == all && root_factory.quota.used == 0, "all pages and all quota came back");

    static unsigned char file[2 * L4_PAGE_SIZE] __attribute__((aligned(4096)));
    memset(file, 0x55, sizeof file);
    struct ds *rom, *copy;
    is(ds_create_static(&root_factory, (word_t)file, 5000, DS_R | DS_X | DS_COW, &rom), 0, "a file");
    ds_create(&root_factory, 5000, 0, 0, &copy);
    is(ds_copy(copy, 0, rom, 0, 5000), 0, "copied by sharing");
    is(ds_address(copy, 0, false), (word_t)file, "the first page is the file's");
    ok(ds_address(copy, 0, true) != (word_t)file && *(unsigned char *)ds_address(copy, 0, false) == 0x55,
       "until it is written");
    ok(ds_address(copy, 4096, false) != (word_t)file + 4096 &&
           *(unsigned char *)ds_address(copy, 4999, false) == 0x55 &&
           *(unsigned char *)ds_address(copy, 5000, false) == 0, "the rest of its last page is zero");
    is(ds_block(rom, 8192, DS_R, 0, 0, ~0ul, &page), -L4_ERANGE, "beyond the end");
    ds_unused(&copy->object);

    struct ds *clock; /* like the kernel info page: nobody writes it, and it changes */
    is(ds_create_static(&root_factory, (word_t)file, 4096, DS_R | DS_X, &clock), 0, "a page that changes by itself");
    ds_create(&root_factory, 4096, 0, 0, &copy);
    is(ds_copy(copy, 0, clock, 0, 4096), 0, "copied");
    file[7] = 0x56;
    is(*(unsigned char *)ds_address(copy, 7, false), 0x55, "stays in the copy as it was");
    ds_unused(&copy->object);
    ds_unused(&clock->object);

    is(ds_create(&root_factory, 0x10000, DS_CREATE_CONTINUOUS, 16, &d), 0, "an aligned block");
    is(ds_block(d, 0x5000, DS_R, 0x5000, 0, ~0ul, &page), 0, "mapped where it lies alike");
    is(l4_fpage_size(page), 16, "as a whole");
    is(ds_block(d, 0x5000, DS_R, 0x4000, 0, ~0ul, &page), 0, "mapped where it lies otherwise");
    is(l4_fpage_size(page), 12, "page by page");
    is(ds_block(d, 0x5000, DS_R, 0x5000, 0x4000, 0x7fff, &page), 0, "mapped through a small window");
    ok(l4_fpage_size(page) == 14 && l4_fpage_memaddr(page) == d->address + 0x4000, "only what the window shows");
    ds_unused(&d->object);

    root_factory.quota.limit = root_factory.quota.used + 6 * L4_PAGE_SIZE;
    is(ds_create(&root_factory, 1 << 20, DS_CREATE_CONTINUOUS, 0, &d), -L4_ENOMEM, "a block beyond the quota");
    is(ds_create(&root_factory, 1 << 20, 0, 0, &d), 0, "on demand");
    unsigned got = 0;
    while (got < 100 && ds_block(d, got * L4_PAGE_SIZE, DS_R | DS_W, 0, 0, ~0ul, &page) == 0)
        got++;
    ok(got >= 2 && got <= 6, "as many pages as the quota allows");
    ds_pages_drop(d, 0, 0);
    is(ds_block(d, 0x80000, DS_R, 0, 0, ~0ul, &page), 0, "a page given back can be had elsewhere");
    ds_unused(&d->object);
    d = rom;
    ds_unused(&d->object);
    ok(page_available() == all && root_factory.quota.used == 0, "everything came back");
    free((void *)memory);
    return tap_done();
}
