/* SPDX-License-Identifier: MIT */
/* capmap.c: copies and moves of capabilities, rights on the way, windows, ranges with holes, unmap. */
#include "tap.h"
#include "machine.h"

/* What replaces a capability with the right to delete ends its object; these tests leave that right out. */
#define NO_DELETE (L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S)

static struct task *t;

static int pass(word_t from, unsigned order, unsigned rights, word_t item, l4_fpage window)
{
    return map_fpage_all((struct map_request){.from = root->task, .to = t, .item = item | L4_ITEM_MAP,
                                          .send = l4_fpage_make(L4_FPAGE_OBJ, from, order, rights),
                                          .window = window, .rights_mask = 15});
}

static l4_fpage slots(word_t start, unsigned order) { return l4_fpage_make(L4_FPAGE_OBJ, start, order, 0); }
static l4_fpage everything(void) { return (l4_fpage){L4_FPAGE_ALL}; }

static unsigned rights_at(word_t index)
{
    unsigned rights = 0;

    cap_lookup(t, index, &rights);
    return rights;
}

static void test_rights(void)
{
    is(pass(L4_SLOT_TASK, 0, L4_RIGHT_R | L4_RIGHT_S, 0, slots(0x50, 0)), MAP_DONE, "a capability is copied");
    is(rights_at(0x50), L4_RIGHT_R | L4_RIGHT_S, "with the rights that were asked for");
    is(pass(L4_SLOT_TASK, 0, L4_RIGHT_W, 0, slots(0x51, 0)), MAP_NOTHING,
       "without the right to read nothing is passed");
    is(rights_at(0x51), 0, "the slot stays empty");
    is(pass(L4_SLOT_TASK, 0, NO_DELETE, L4_OBJ_SERVER, slots(0x51, 0)), MAP_DONE, "attributes travel when named");
    is(rights_at(0x51), NO_DELETE | L4_OBJ_SERVER,
       "and only then");
    is(pass(L4_SLOT_TASK, 0, NO_DELETE, L4_OBJ_WEAK, slots(0x51, 0)), MAP_DONE,
       "a weak copy takes the place of another");
    ok(rights_at(0x51) & L4_OBJ_WEAK, "and says so");
    map_fpage_all((struct map_request){.from = t, .to = t, .item = SEL(0x53) | L4_ITEM_MAP, .rights_mask = 15,
                                   .send = l4_fpage_make(L4_FPAGE_OBJ, 0x51, 0, NO_DELETE), .window = everything()});
    is(rights_at(0x53), NO_DELETE | L4_OBJ_WEAK, "a copy of a weak one is weak");
    map_fpage_all((struct map_request){.from = t, .to = t, .item = SEL(0x53) | L4_ITEM_MAP | L4_OBJ_SERVER,
                                   .send = l4_fpage_make(L4_FPAGE_OBJ, 0x50, 0, NO_DELETE), .rights_mask = 15,
                                   .window = everything()});
    is(rights_at(0x53), L4_RIGHT_R | L4_RIGHT_S, "nobody gives what he has not");
    map_fpage_all((struct map_request){.from = root->task, .to = t, .item = SEL(0x53) | L4_ITEM_MAP,
                                       .window = everything(),
                                   .send = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_TASK, 0, NO_DELETE),
                                   .rights_mask = 15 & ~L4_RIGHT_S});
    is(rights_at(0x53), L4_RIGHT_R | L4_RIGHT_W, "nor what the channel does not let through");
    is(pass(0x777, 0, 15, 0, slots(0x52, 0)), MAP_NOTHING, "an empty slot passes nothing");
    ok(rights_at(0x51) != 0, "and takes nothing away");
}

static void test_windows(void)
{
    is(pass(L4_SLOT_LOG, 0, NO_DELETE, SEL(0x60), everything()), MAP_DONE, "into the whole table");
    ok(rights_at(0x60) != 0, "the hot spot says where");
    is(pass(0, 3, NO_DELETE, SEL(0x68), everything()), MAP_DONE, "a range of eight slots");
    ok(rights_at(0x68 + L4_SLOT_TASK) && rights_at(0x68 + L4_SLOT_SCHEDULER), "first and last arrive");
    is(rights_at(0x68), 0, "an empty slot among them does not");
    is(pass(0, 3, NO_DELETE, SEL(L4_SLOT_ICU), slots(0x70, 0)), MAP_DONE, "a range into one slot");
    ok(cap_obj(cap_slot(t, 0x70)) == &icu_object, "the hot spot chooses the slot that is sent");
    is(pass(L4_SLOT_LOG, 0, NO_DELETE, 0, l4_fpage_make(L4_FPAGE_MEM, 0, 0, 0)), MAP_DONE, "a window of another kind");
    is(pass(L4_SLOT_LOG, 0, NO_DELETE, SEL(0x61), (l4_fpage){L4_FPAGE_ALL | L4_RIGHT_R}), MAP_DONE,
       "into the whole table, with rights");
    is(rights_at(0x61), NO_DELETE, "which do not count");
    is(pass(L4_SLOT_LOG, 0, NO_DELETE, SEL(0x66), (l4_fpage){0}), MAP_DONE, "a window that is none");
    ok(cap_slot(t, 0x66) == NULL || cap_slot(t, 0x66)->raw == 0, "takes nothing");
    is(pass(0, 63, NO_DELETE, 0, slots(0, 63)), MAP_DONE, "the whole table into the whole table");
    ok(cap_obj(cap_slot(t, L4_SLOT_LOG)) == &vcon_object, "slot by slot");
    cap_insert(cap_slot_alloc(root->task, 2 * CAP_PAGE_SLOTS), &icu_object, NO_DELETE);
    is(pass(0, 16, NO_DELETE, 0, slots(0, 16)), MAP_DONE, "over a hole of a whole page");
    ok(rights_at(2 * CAP_PAGE_SLOTS) != 0, "the first slot behind it is passed, too");
    cap_remove(cap_slot(root->task, 2 * CAP_PAGE_SLOTS), false);
    frame_fail_countdown = 1;
    is(pass(L4_SLOT_LOG, 0, NO_DELETE, 0, slots(0x5000, 0)), MAP_FAILED, "no memory for the slot");
    is(pass(L4_SLOT_LOG, 0, NO_DELETE, SEL(CAP_SLOTS), everything()), MAP_NOTHING,
       "behind the last slot there is none");
}

static void test_move(void)
{
    create(L4_PROTO_NONE, 0x40);
    struct kobj *gate = cap_obj(cap_slot(root->task, 0x40));

    is(pass(0x40, 0, 15, L4_ITEM_GRANT, slots(0x40, 0)), MAP_DONE, "a capability is moved");
    is(cap_slot(root->task, 0x40)->raw, 0, "it has left its slot");
    ok(cap_obj(cap_slot(t, 0x40)) == gate && !gate->dead, "and arrived alive");
    is(gate->counted, 1, "counted once");
}

/* A flexpage as large as the table that begins behind it. */
static void test_behind(void)
{
    create(L4_PROTO_NONE, 0x41);
    unmap_caps_all(root->task, l4_fpage_make(L4_FPAGE_OBJ, CAP_SLOTS, 16, 15), false);
    ok(cap_slot(root->task, 0x41)->raw != 0, "what lies behind the table is unmapped, and nothing else");
    unmap_caps_all(root->task, l4_fpage_make(L4_FPAGE_OBJ, 0x41, 0, 15), false);
    is(cap_slot(root->task, 0x41)->raw, 0, "the slot itself is");
}

/* The last capability with the right to delete, over itself: the object ends while the map still looks at the slot. */
static void test_over_itself(void)
{
    create(L4_PROTO_NONE, 0x42);
    struct kobj *gate = cap_obj(cap_slot(root->task, 0x42));

    kobj_ref(gate);
    is(map_fpage_all((struct map_request){.from = root->task, .to = root->task, .item = SEL(0x42) | L4_ITEM_MAP,
                                      .send = l4_fpage_make(L4_FPAGE_OBJ, 0x42, 0, 15), .window = everything(),
                                      .rights_mask = 15}), MAP_DONE, "a capability over itself");
    is(cap_slot(root->task, 0x42)->raw, 0, "is gone");
    ok(gate->dead, "and so is the object");
    kobj_unref(gate);
    work_run_all();
    create(L4_PROTO_NONE, 0x42);
    cap_copy(0x42, 0x43, NO_DELETE);
    map_fpage_all((struct map_request){.from = root->task, .to = root->task, .item = SEL(0x43) | L4_ITEM_MAP,
                                   .send = l4_fpage_make(L4_FPAGE_OBJ, 0x43, 0, 15), .window = everything(),
                                   .rights_mask = 15});
    is(cap_slot(root->task, 0x43)->raw, 0, "one of two over itself is gone");
    ok(cap_slot(root->task, 0x42)->raw != 0, "the other is not");
    delete_slot(0x42);
}

static void test_unmap(void)
{
    struct kobj *gate = cap_obj(cap_slot(t, 0x40));

    unmap_caps_all(t, l4_fpage_make(L4_FPAGE_OBJ, 0x40, 0, L4_RIGHT_W), false);
    is(rights_at(0x40) & L4_RIGHT_W, 0, "unmap takes one right");
    ok(rights_at(0x40) & L4_RIGHT_S, "and leaves the others");
    unmap_caps_all(t, l4_fpage_make(L4_FPAGE_OBJ, 0x60, 4, 15), false);
    is(rights_at(0x60) | rights_at(0x69), 0, "a range is emptied");
    ok(rights_at(0x50) && rights_at(0x70), "its neighbours are not");
    create(L4_PROTO_NONE, 0x41);
    pass(0x41, 0, 15, L4_ITEM_GRANT, slots(0x41, 0));
    pass(L4_SLOT_LOG, 0, NO_DELETE, 0, slots(0x41, 0));
    is(cap_obj(cap_slot(t, 0x41))->type, KOBJ_VCON, "another capability takes the place of one");
    unmap_caps_all(t, l4_fpage_make(L4_FPAGE_OBJ, 0x40, 0, 15), true);
    ok(gate->dead, "delete ends the object");
    unmap_caps_all(t, l4_fpage_make(L4_FPAGE_OBJ, 0, 63, 15), false);
    is(rights_at(0x50) | rights_at(0x70) | rights_at(L4_SLOT_LOG), 0, "the whole table at once");
    ok(!root->task->obj.dead, "what others hold, too, lives on");
    work_run_all();
}

int main(void)
{
    machine_start();
    t = task_create(&root_factory);
    test_rights();
    test_windows();
    test_move();
    test_behind();
    test_over_itself();
    task_check(t);
    test_unmap();
    task_check(t);
    machine_check();
    return tap_done();
}
