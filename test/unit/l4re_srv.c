/* SPDX-License-Identifier: MIT */
/* The server framework without system calls: dispatch, Meta, received capabilities, slots, environment, initial
 * stack. */
#include "../../lib/l4/factory.c"
#include "../../lib/l4re/caps.c"
#include "../../lib/l4re/env.c"
#include "../../lib/l4re/msg.c"
#include "../../lib/l4re/srv.c"
#include "../../lib/l4re/start.c"
#include <tap.h>

l4_kernel_info_t const *l4_global_kip;

static long last_arg;
static long result;

static long op_add(struct l4re_obj *obj, struct l4re_msg *m)
{
    l4_uint64_t a = l4re_rd_u64(&m->in), b = l4re_rd_u64(&m->in);

    (void)obj;
    if (m->in.err)
        return m->in.err;
    l4re_wr_u64(&m->out, a + b);
    return 0;
}

static long op_result(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj, (void)m;
    return result;
}

static long op_flood(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    for (unsigned i = 0; i < 64; i++)
        l4re_wr_u64(&m->out, i);
    return 0;
}

static long op_first_word(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    last_arg = (long)l4re_rd_u64(&m->in);
    return m->in.err;
}

static long op_code(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    last_arg = (long)m->code;
    return 0;
}

static struct l4re_op const ops[] = {
    {.code = 0, .fn = op_add},
    {.code = 1, .rights = L4_CAP_FPAGE_W, .fn = op_result},
    {.code = 4, .rights = L4_CAP_FPAGE_W | L4_CAP_FPAGE_S, .fn = op_result},
    {.code = 5, .send_only = 1, .fn = op_result},
    {.code = -3, .fn = op_flood},
};
static struct l4re_op const raw_ops[] = {{.rights = L4_CAP_FPAGE_S, .fn = op_first_word}};
static struct l4re_op const con_ops[] = {{.code = 1, .fn = op_code}};
static struct l4re_proto const protos[] = {
    {0, "v", L4RE_CODE_INT, NULL, 0},
    {0x44, "N4Test3AddE", L4RE_CODE_INT, L4RE_OPS(ops)},
    {-15, "N2L47FactoryE", L4RE_CODE_NONE, L4RE_OPS(raw_ops)},
    {-13, "N2L44VconE", L4RE_CODE_WORD16, L4RE_OPS(con_ops)},
};
static struct l4re_iface const iface = {L4RE_IFACE(protos)};

static struct l4re_srv srv;
static struct l4re_obj obj = {.iface = &iface};
static struct l4re_msg msg;
static struct l4re_caps caps;
static l4_uint16_t refs[8];

static long send(long proto, unsigned words, unsigned items, unsigned rights, l4_umword_t const *mr)
{
    l4re_msg_load(&msg, &srv, l4_msgtag(proto, words, items, 0), (l4_umword_t)&obj | rights, mr);
    return l4re_srv_dispatch(&srv, &obj, &msg);
}

static void dispatch(void)
{
    l4_umword_t mr[63] = {0, 2, 3};

    is(send(0x44, 3, 0, 0, mr), 0, "operation");
    is(msg.out_words[0], 5, "result");
    is(send(0x44, 2, 0, 0, mr), -L4_EMSGTOOSHORT, "argument missing");
    is(send(0x44, 0, 0, 0, mr), -L4_EMSGTOOSHORT, "opcode missing");
    is(send(0x45, 3, 0, 0, mr), -L4_EBADPROTO, "unknown protocol");
    is(send(0, 3, 0, 0, mr), -L4_EBADPROTO, "protocol 0 that is only counted");
    is(send(0x44, 63, 1, 0, mr), -L4_EMSGTOOSHORT, "more than 63 words");
    mr[0] = 2;
    is(send(0x44, 3, 0, 3, mr), -L4_ENOSYS, "unknown opcode");
    mr[0] = 0xffffffff;
    is(send(0x44, 3, 0, 3, mr), -L4_ENOSYS, "opcode -1");
    mr[0] = 0xdeadbeef00000000;
    is(send(0x44, 3, 0, 0, mr), 0, "what lies above a 32-bit opcode does not matter");
    mr[0] = 0xfffffffd;
    is(send(0x44, 1, 0, 0, mr), -L4_EMSGTOOLONG, "reply that does not fit");
    result = 7;
    mr[0] = 1;
    is(send(0x44, 1, 0, 0, mr), -L4_EPERM, "W demanded, not there");
    is(send(0x44, 1, 0, 2, mr), -L4_EPERM, "S is not W");
    is(send(0x44, 1, 0, 1, mr), 7, "W is there");
    mr[0] = 4;
    is(send(0x44, 1, 0, 1, mr), -L4_EPERM, "W and S demanded");
    is(send(0x44, 1, 0, 3, mr), 7, "both are there");
    mr[0] = 5;
    is(send(0x44, 1, 0, 0, mr), -L4_ENOREPLY, "send only");
    mr[0] = 1;
    result = 0x8000;
    is(send(0x44, 1, 0, 1, mr), -L4_EMSGERRRANGE, "result beyond 16 bits");
    mr[0] = (l4_umword_t)-13l;
    is(send(-15, 1, 0, 0, mr), -L4_EPERM, "no opcode: rights are checked");
    is(send(-15, 1, 0, 2, mr), 0, "no opcode");
    is(last_arg, -13, "the first word is an argument");
    is(send(-15, 0, 0, 2, mr), -L4_EMSGTOOSHORT, "empty request");
    mr[0] = 0x1230001;
    is(send(-13, 1, 0, 0, mr), 0, "opcode in the low 16 bits");
    is(last_arg, 0x1230001, "the whole word can be seen");
}

static void meta_protocol(void)
{
    l4_umword_t mr[63] = {0};

    is(send(-21, 1, 0, 0, mr), 4, "number of interfaces");
    is(send(-21, 0, 0, 0, mr), -L4_EMSGTOOSHORT, "no opcode");
    mr[0] = 1;
    mr[1] = 1;
    is(send(-21, 2, 0, 0, mr), 0, "interface 1");
    is(msg.out_words[0], 0x44, "its number");
    is(msg.out_words[1], 12, "length of its name");
    ok(!strcmp((char *)&msg.out_words[2], "N4Test3AddE"), "its name");
    mr[1] = 4;
    is(send(-21, 2, 0, 0, mr), -L4_ERANGE, "beyond");
    is(send(-21, 1, 0, 0, mr), -L4_EMSGTOOSHORT, "index missing");
    mr[0] = 2;
    mr[1] = (l4_umword_t)-15l;
    is(send(-21, 2, 0, 0, mr), 1, "supported");
    mr[1] = 0;
    is(send(-21, 2, 0, 0, mr), 0, "protocol 0 never is");
    mr[0] = 3;
    is(send(-21, 2, 0, 0, mr), -L4_ENOSYS, "unknown opcode");
}

static void slots(void)
{
    l4_cap_idx_t a, b;

    l4re_caps_init(&caps, 0x100, refs, 8);
    a = l4re_caps_alloc(&caps);
    b = l4re_caps_alloc(&caps);
    is(a, 0x100000, "first slot");
    is(b, 0x101000, "second slot");
    l4re_caps_take(&caps, a);
    is(l4re_caps_drop(&caps, a), 1, "counted");
    is(l4re_caps_refs(&caps, a), 1, "one left");
    l4re_caps_free(&caps, a);
    is(l4re_caps_alloc(&caps), a, "free slots are used again first");
    for (unsigned i = 2; i < 8; i++)
        l4re_caps_alloc(&caps);
    is(l4re_caps_alloc(&caps), L4_INVALID_CAP, "all taken");
    is(l4re_caps_drop(&caps, 0x99000), ~0u, "foreign slot below");
    is(l4re_caps_drop(&caps, 0x108000), ~0u, "foreign slot above");
    is(l4re_caps_drop(&caps, L4_INVALID_CAP), ~0u, "no slot");
    l4re_caps_free(&caps, b);
    is(l4re_caps_drop(&caps, b), ~0u, "a free slot cannot be dropped");
    l4re_caps_take(&caps, b);
    is(l4re_caps_refs(&caps, b), 0, "nor taken");
}

static void received(void)
{
    l4_umword_t mr[63] = {0, 0x38, 0, 0, 0, 0x38, 0, 0x3a, 0};
    l4_cap_idx_t first, second, cap;

    memset(refs, 0, sizeof refs);
    l4re_caps_init(&caps, 0x100, refs, 8);
    is(l4re_srv_init(&srv, &caps, 0x3000, 0x2000, 0x1000, 5), -L4_EINVAL, "too many buffers");
    is(l4re_srv_init(&srv, &caps, 0x3000, 0x2000, 0x1000, 3), 0, "three buffers");
    first = srv.rcv[0];
    second = srv.rcv[1];
    l4re_msg_load(&msg, &srv, l4_msgtag(0x44, 1, 4, 0), (l4_umword_t)&obj, mr);
    is(msg.filled, 3, "two buffers are full, the third item was empty");
    is(l4re_msg_cap(&msg), first, "first capability");
    l4re_msg_item(&msg, &cap);
    is(cap, L4_INVALID_CAP, "a void item uses no buffer");
    is(l4re_msg_cap(&msg), second, "second capability");
    is(l4re_msg_take(&msg, second), 0, "kept");
    is(msg.filled, 1, "one is left to be emptied");
    ok(srv.rcv[1] != second, "the loop has a new buffer");
    is(l4re_caps_refs(&caps, second), 1, "the kept slot is ours");
    is(l4re_msg_take(&msg, second), -L4_EINVAL, "only once");
    is(l4re_msg_cap(&msg), L4_INVALID_CAP, "the sender's slot was empty");
    is(msg.in.err, -L4_EINVAL, "which is an error");
    l4re_msg_load(&msg, &srv, l4_msgtag(0x44, 1, 0, 0), (l4_umword_t)&obj, mr);
    is(l4re_msg_cap(&msg), L4_INVALID_CAP, "no item at all");
    is(msg.in.err, -L4_EMSGTOOSHORT, "is a short message");
    while (l4re_caps_alloc(&caps) != L4_INVALID_CAP)
        ;
    l4re_msg_load(&msg, &srv, l4_msgtag(0x44, 1, 1, 0), (l4_umword_t)&obj, mr);
    cap = l4re_msg_cap(&msg);
    is(l4re_msg_take(&msg, cap), -L4_ENOMEM, "no slot for a new buffer");
    is(msg.filled, 1, "then it is not kept");
}

static void deferred(void)
{
    l4_umword_t mr[63] = {0};
    l4_cap_idx_t a, b;

    is(l4re_srv_reply_slots(&srv, 0x10, 65), -L4_EINVAL, "too many reply slots");
    is(l4re_srv_reply_slots(&srv, 0x10, 3), 0, "three reply slots");
    l4re_msg_load(&msg, &srv, l4_msgtag(0x44, 0, 0, 0), (l4_umword_t)&obj, mr);
    a = l4re_msg_defer(&msg);
    is(a, 0x10000 | L4_REPLY_CAP_BIT, "first caller");
    is(l4re_msg_defer(&msg), L4_INVALID_CAP, "once per request");
    l4re_msg_load(&msg, &srv, l4_msgtag(0x44, 0, 0, 0), (l4_umword_t)&obj, mr);
    b = l4re_msg_defer(&msg);
    ok(a != b, "second caller");
    l4re_msg_load(&msg, &srv, l4_msgtag(0x44, 0, 0, 0), (l4_umword_t)&obj, mr);
    is(l4re_msg_defer(&msg), L4_INVALID_CAP, "one slot is needed for the wait");
    ok(!msg.deferred, "then the caller is answered now");
}

static void environment(void)
{
    static l4re_env_cap_entry_t list[] = {
        {0x16000, 0, "rom"}, {0x17000, 0, "sixteen-letters!"}, {L4_INVALID_CAP, ~0ul, ""}};
    static l4re_env_t env = {.caps = list};
    l4_umword_t stack[] = {1, 0x1000, 0, 0x2000, 0, AT_L4_KIP, 0x5000, 6, 4096, AT_L4_ENV, (l4_umword_t)&env, 0, 0};
    struct l4re_start s;

    l4re_start_init(stack, &s);
    is(s.argc, 1, "argc");
    ok((l4_umword_t)s.envp[0] == 0x2000 && !s.envp[1], "envp");
    ok(l4re_env() == &env, "environment");
    is((l4_addr_t)l4re_kip(), 0x5000, "kernel interface page");
    ok(s.aux == NULL, "no l4aux");
    is(l4re_env_get_cap("rom"), 0x16000, "named capability");
    is(l4re_env_get_cap("ro"), L4_INVALID_CAP, "a beginning is another name");
    is(l4re_env_get_cap("rom2"), L4_INVALID_CAP, "a longer one, too");
    is(l4re_env_get_cap("sixteen-letters!"), 0x17000, "sixteen characters");
    is(l4re_env_get_cap("sixteen-letters!!"), 0x17000, "more are not compared");
    is(l4re_env_get_cap("sixteen-letters"), L4_INVALID_CAP, "fifteen are another name");
    is(l4re_env_get_cap(""), L4_INVALID_CAP, "empty name");
    ok(l4re_env_get_cap_l("rom/hello", 3, &env) == &list[0], "name of given length");
}

int main(void)
{
    dispatch();
    meta_protocol();
    slots();
    received();
    deferred();
    environment();
    return tap_done();
}
