/* SPDX-License-Identifier: MIT */
/* Marshalling: the interface's golden vectors in both directions, then every kind of broken message. */
#include "../../lib/l4re/msg.c"
#include <l4/re/protocols.h>
#include <stdlib.h>
#include <tap.h>

static l4_umword_t mr[63];
static struct l4re_wr w;
static struct l4re_rd r;

static void begin(void)
{
    memset(mr, 0xee, sizeof mr);
    l4re_wr_init(&w, mr);
}

static void vectors_write(void)
{
    begin();
    l4re_wr_i32(&w, 1);
    l4re_wr_u8(&w, 1);
    l4re_wr_u64(&w, 0x1122334455667788);
    l4re_wr_u8(&w, 2);
    l4re_wr_u16(&w, 0x3344);
    l4re_wr_string(&w, "hey");
    l4re_wr_i32(&w, 0x55667788);
    is(l4re_wr_tag(&w, 0xf00, 0).raw, 0xf000005, "op1: tag");
    is(mr[0], 0x0100000001, "op1: MR0");
    is(mr[1], 0x1122334455667788, "op1: MR1");
    is(mr[2], 0x33440002, "op1: MR2");
    is(mr[3], 4, "op1: MR3");
    is(mr[4], 0x5566778800796568, "op1: MR4");

    begin();
    l4re_wr_i32(&w, 3);
    l4re_wr_i32(&w, 1);
    l4re_wr_i32(&w, 2);
    l4re_wr_cap(&w, 0x21000, L4_CAP_FPAGE_RW);
    l4re_wr_cap(&w, 0x22000, L4_CAP_FPAGE_RWSD | L4_FPAGE_C_OBJ_RIGHTS);
    is(l4re_wr_tag(&w, 0xf00, 0).raw, 0xf000082, "op3: tag");
    is(mr[0], 0x0000000100000003, "op3: MR0");
    is(mr[1], 2, "op3: MR1");
    is(mr[2], 8, "op3: MR2");
    is(mr[3], 0x21035, "op3: MR3");
    is(mr[4], 0xe8, "op3: MR4");
    is(mr[5], 0x2203f, "op3: MR5");

    begin();
    l4re_wr_i32(&w, 7);
    l4re_wr_i32(&w, 3);
    l4re_wr_item(&w, 0x20000, l4_fpage(0x10000, 14, L4_FPAGE_RW));
    is(l4re_wr_tag(&w, 0xf00, 0).raw, 0xf000041, "op7: tag");
    is(mr[1], 0x20008, "op7: MR1");
    is(mr[2], 0x10396, "op7: MR2");

    begin();
    l4re_wr_u64(&w, (l4_umword_t)-13l);
    l4re_wr_varg_str(&w, "tag");
    l4re_wr_varg_str(&w, "red");
    is(l4re_wr_tag(&w, -15, 0).raw, -15l * 0x10000 + 5, "create log: tag");
    is(mr[1], 0x40002, "create log: MR1");
    is(mr[2], 0x676174, "create log: MR2");
    is(mr[3], 0x40002, "create log: MR3");

    begin();
    l4re_wr_i32(&w, 0);
    l4re_wr_name(&w, "abc/def", 7);
    is(l4re_wr_tag(&w, 0x4001, 0).raw, 0x40010003, "query: tag");
    is(mr[1], 7, "query: MR1");
    is(mr[2], 0x6665642f636261, "query: MR2");
}

/* attach(start 0x10000, 0x4000, Search|RW, ds slot 0x20 rw, offset 0x1000, align 12, "foo", backing 9) */
static void vector_attach(void)
{
    begin();
    l4re_wr_i32(&w, 0);
    l4re_wr_u64(&w, 0x10000);
    l4re_wr_u64(&w, 0x4000);
    l4re_wr_u32(&w, 0x20006);
    l4re_wr_u64(&w, 0x1000);
    l4re_wr_u8(&w, 12);
    l4re_wr_u64(&w, 0x20000);
    l4re_wr_string(&w, "foo");
    l4re_wr_u64(&w, 9);
    l4re_wr_cap(&w, 0x20000, L4_CAP_FPAGE_RW);
    is(l4re_wr_tag(&w, 0x4005, 0).raw, 0x4005004a, "attach: tag");
    is(mr[3], 0x20006, "attach: MR3");
    is(mr[5], 12, "attach: MR5");
    is(mr[7], 4, "attach: MR7");
    is(mr[8], 0x6f6f66, "attach: MR8");
    is(mr[9], 9, "attach: MR9");
    is(mr[11], 0x20035, "attach: MR11");
}

static void vectors_read(void)
{
    l4_umword_t m[] = {1, 2, 4, 0x3007a7978};
    unsigned n;

    l4re_rd_init(&r, m, l4_msgtag(0, 4, 0, 0));
    is(l4re_rd_u8(&r), 1, "reply: char");
    is(l4re_rd_u64(&r), 2, "reply: u64");
    ok(!strcmp(l4re_rd_string(&r), "xyz"), "reply: string");
    is(l4re_rd_u16(&r), 3, "reply: short");
    is(r.err, 0, "reply: no error");

    l4_umword_t a[] = {0x0201000300000002, 0xff03, 8, 0x21035, 0};
    l4re_rd_init(&r, a, l4_msgtag(0, 2, 1, 0));
    is(l4re_rd_i32(&r), 2, "array: opcode");
    n = l4re_rd_u16(&r);
    is(n, 3, "array: 16-bit count");
    ok(!memcmp(l4re_rd_data(&r, n, 1), "\1\2\3", 3), "array: elements");
    struct l4re_item it = l4re_rd_item(&r);
    is(it.kind, L4RE_ITEM_MAPPED, "item");
    it = l4re_rd_item(&r);
    is(it.kind, L4RE_ITEM_NONE, "no second item");
    is(r.err, 0, "which is no error");
}

static void items(void)
{
    l4_umword_t m[] = {0, 0, 0x38, 0, 0x3a, 0, 0x3c, 0x1233, 0x3e, 0x21035, 0x40012518 + (14 << 6) - (0x14 << 6), 0};
    enum l4re_item_kind want[] = {L4RE_ITEM_NONE, L4RE_ITEM_MAPPED, L4RE_ITEM_EMPTY, L4RE_ITEM_LABEL, L4RE_ITEM_LOCAL};
    struct l4re_item it;

    l4re_rd_init(&r, m, l4_msgtag(0, 0, 6, 0));
    for (unsigned i = 0; i < 5; i++) {
        it = l4re_rd_item(&r);
        is(it.kind, want[i], "item kind");
    }
    is(it.data, 0x21035, "local id: the sender's flexpage");
    it = l4re_rd_item(&r);
    is(it.order, 14, "order of a memory item");
    is(it.type, L4_FPAGE_MEMORY, "type of a memory item");
    is(it.spot, 0x40012000, "hot spot");
}

static void broken_reads(void)
{
    l4_umword_t m[63] = {0};

    l4re_rd_init(&r, m, l4_msgtag(0, 63, 1, 0));
    is(r.err, -L4_EMSGTOOSHORT, "words and items beyond the registers");
    ok(l4re_rd_data(&r, 1, 1) == NULL, "nothing can be read then");
    is(l4re_rd_item(&r).kind, L4RE_ITEM_NONE, "no item either");

    l4re_rd_init(&r, m, l4_msgtag(0, 1, 0, 0));
    l4re_rd_u32(&r);
    is(l4re_rd_u64(&r), 0, "value beyond the end is 0");
    is(r.err, -L4_EMSGTOOSHORT, "and an error");
    is(l4re_rd_u8(&r), 0, "which stays");

    m[0] = 0;
    l4re_rd_init(&r, m, l4_msgtag(0, 1, 0, 0));
    ok(!strcmp(l4re_rd_string(&r), ""), "string of 0 bytes");
    is(r.err, -L4_EMSGTOOSHORT, "is an error");

    m[0] = 9;
    l4re_rd_init(&r, m, l4_msgtag(0, 2, 0, 0));
    ok(!strcmp(l4re_rd_string(&r), ""), "count beyond the message");
    is(r.err, -L4_EMSGTOOSHORT, "is an error");

    m[0] = ~0ul / 2 + 2; /* times 2 wraps to a small number */
    unsigned n = 5;
    l4re_rd_init(&r, m, l4_msgtag(0, 4, 0, 0));
    ok(l4re_rd_array(&r, 2, 2, &n) == NULL, "count that wraps");
    is(n, 0, "count is 0 then");

    m[0] = 8;
    memset(&m[1], 'a', 8);
    l4re_rd_init(&r, m, l4_msgtag(0, 2, 0, 0));
    is(strlen(l4re_rd_string(&r)), 7, "string without a zero is ended by force");
}

static void vargs(void)
{
    struct l4re_varg v;
    l4_umword_t m[] = {0x80081, (l4_umword_t)-5l, 0x80001, 6, 0x40002, 0x21646572, 0x80003, 0x1037, 0x2, 0, 7};

    l4re_rd_init(&r, m, l4_msgtag(0, 10, 0, 0));
    is(l4re_rd_varg(&r, &v), 1, "signed");
    is((long)v.value, -5, "its value");
    l4re_rd_varg(&r, &v);
    is(v.value, 6, "unsigned");
    l4re_rd_varg(&r, &v);
    ok(v.type == L4_VARG_TYPE_STRING && !strcmp(v.str, "red"), "string, ended by force");
    l4re_rd_varg(&r, &v);
    is(v.value, 0x1037, "flexpage");
    is(l4re_rd_varg(&r, &v), 1, "empty string");
    ok(!strcmp(v.str, ""), "is empty");
    is(l4re_rd_varg(&r, &v), 0, "a zero tag ends the list");
    is(v.type, L4_VARG_TYPE_NIL, "as nil");

    m[0] = 0xffff0002;
    l4re_rd_init(&r, m, l4_msgtag(0, 10, 0, 0));
    is(l4re_rd_varg(&r, &v), -L4_EMSGTOOSHORT, "length beyond the message");
    m[0] = 0xffffffffffff0001;
    l4re_rd_init(&r, m, l4_msgtag(0, 10, 0, 0));
    is(l4re_rd_varg(&r, &v), -L4_EMSGTOOSHORT, "length beyond everything");
}

static void full_writes(void)
{
    begin();
    for (unsigned i = 0; i < 63; i++)
        l4re_wr_u64(&w, i);
    is(w.err, 0, "63 words fit");
    l4re_wr_u8(&w, 1);
    is(w.err, -L4_EMSGTOOLONG, "one byte more does not");

    begin();
    for (unsigned i = 0; i < 62; i++)
        l4re_wr_u64(&w, i);
    l4re_wr_cap(&w, 0x1000, 7);
    is(w.err, -L4_EMSGTOOLONG, "an item needs two words");

    begin();
    l4re_wr_cap(&w, 0x1000, 7);
    l4re_wr_u8(&w, 1);
    is(w.err, -L4_EINVAL, "data behind an item");

    begin();
    l4re_wr_cap(&w, L4_INVALID_CAP, 7);
    is(w.err, -L4_EMSGMISSARG, "invalid capability");

    char *big = malloc(1000);
    memset(big, 'x', 999);
    big[999] = 0;
    begin();
    l4re_wr_string(&w, big);
    is(w.err, -L4_EMSGTOOLONG, "text that cannot fit");
    free(big);

    begin();
    l4re_wr_array(&w, NULL, ~0u / 8 + 2, 8, 8);
    is(w.err, -L4_EMSGTOOLONG, "count that wraps");
}

/* Whatever the words say: no access leaves the array (the sanitizer looks on), and what was written comes back. */
static void random_messages(void)
{
    unsigned seed = 12345;

    for (unsigned round = 0; round < 20000; round++) {
        l4_umword_t *m = malloc(sizeof mr);
        unsigned n, words = (unsigned)rand_r(&seed) % 64;
        struct l4re_varg v;

        for (unsigned i = 0; i < 63; i++)
            m[i] = (unsigned)rand_r(&seed) % (round & 1 ? 16 : 1u << 20);
        l4re_rd_init(&r, m, l4_msgtag(0, words, (unsigned)rand_r(&seed) % 32, 0));
        while (!r.err && r.off < r.end) {
            unsigned what = (unsigned)rand_r(&seed) % 7;

            if (what == 0)
                l4re_rd_u8(&r);
            else if (what == 1)
                l4re_rd_u64(&r);
            else if (what == 2)
                n = (unsigned)strlen(l4re_rd_string(&r));
            else if (what == 3)
                l4re_rd_name(&r, &n);
            else if (what == 4 && l4re_rd_varg(&r, &v) == 0)
                break;
            else if (what == 5)
                l4re_rd_array(&r, 24, 8, &n);
            else
                l4re_rd_item(&r);
        }
        free(m);
    }
    ok(1, "20000 random messages read inside their bounds");
}

int main(void)
{
    vectors_write();
    vector_attach();
    vectors_read();
    items();
    broken_reads();
    vargs();
    full_writes();
    random_messages();
    return tap_done();
}
