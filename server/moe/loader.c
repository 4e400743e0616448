/* SPDX-License-Identifier: MIT */
/*
 * Starting the init process by lib/loader with memory taken directly from this server, and its parent object: the end
 * of the init process is reported, its task deleted; with --exit-port the machine's emulator is told.
 */
#include "boot_fs.h"
#include "dma.h"
#include "exit.h"
#include "loader.h"
#include "mem.h"
#include "moe.h"
#include "page.h"
#include "rm.h"
#include <l4/re/protocols.h>
#include <l4/sys/task.h>
#include <loader/task.h>
#include <string.h>

#define SERVICE "l4re"
#define SERVICE_PATH "rom/" SERVICE
#define CAPS_MAX 16u
#define UTCB_ORDER 13u
#define SCRATCH_ORDER 4u /* 64 KiB for arguments, environment, capabilities */

static struct {
    struct rm *rm;
    struct ds *service, *kip;
    l4_cap_idx_t task, thread, sigma0;
    struct object parent;
    struct loader_cap caps[CAPS_MAX];
    unsigned cap_count;
} init;

/* ---- memory for lib/loader ---- */

static long memory_new(void *context, word_t size, void **handle)
{
    struct ds *d;
    long r = ds_create(&root_factory, size, 0, 0, &d);

    (void)context;
    *handle = d;
    return r;
}

static long memory_write(void *context, void *handle, word_t offset, const void *data, word_t size)
{
    (void)context;
    for (word_t done = 0, n; done < size; done += n) {
        word_t at = ds_address(handle, offset + done, true);
        if (at == 0)
            return -L4_ENOMEM;
        n = L4_PAGE_SIZE - (at & (L4_PAGE_SIZE - 1));
        n = n < size - done ? n : size - done;
        memcpy((void *)at, (const char *)data + done, n);
    }
    return 0;
}

static long memory_copy(void *context, void *handle, word_t offset, word_t file_offset, word_t size)
{
    (void)context;
    return ds_copy(handle, offset, init.service, file_offset, size);
}

static void memory_end(void *context, void *handle)
{
    (void)context;
    ds_unattached(handle); /* ends it unless it is attached */
}

static long attach_ds(struct ds *d, word_t offset, word_t start, word_t size, unsigned flags, const char *name)
{
    struct attach_request a = {.start = start, .size = size, .offset = offset, .flags = flags, .ds = d, .name = name,
                               .ds_rights = d == NULL ? 0 : d->flags & DS_RIGHTS, .client_ref = L4_INVALID_CAP};

    return rm_attach(init.rm, &a);
}

static long attach(void *context, void *handle, word_t start, word_t size, unsigned flags, const char *name)
{
    (void)context;
    return attach_ds(handle, 0, start, size, flags, name);
}

static long attach_file(void *context, word_t offset, word_t start, word_t size, unsigned flags, const char *name)
{
    (void)context;
    return attach_ds(init.service, offset, start, size, flags, name);
}

static long attach_kip(void *context, word_t start, word_t size, unsigned flags, const char *name)
{
    (void)context;
    return attach_ds(init.kip, 0, start, size, flags, name);
}

static long reserve(void *context, word_t start, word_t size)
{
    (void)context;
    return rm_reserve(init.rm, &start, size, 0, 0);
}

static const struct loader_ops ops = {
    memory_new, memory_write, memory_copy, memory_end, attach, attach_file, attach_kip, reserve,
};

/* ---- the end of the init process ---- */

static long op_signal(struct l4re_obj *obj, struct l4re_msg *m)
{
    l4_uint64_t signal = l4re_rd_u64(&m->in), value = l4re_rd_u64(&m->in);

    (void)obj;
    if (m->in.err != 0)
        return m->in.err;
    if (signal != 0 || init.rm == NULL) /* only the first end counts: others may hold the capability, too */
        return 0;
    if (value != 0 || moe.options.has_exit_port)
        say("init process ended with exit code %ld", (long)value);
    l4_task_delete_obj(L4_BASE_TASK_CAP, init.task);
    l4_task_delete_obj(L4_BASE_TASK_CAP, init.thread);
    object_doom(&init.rm->object);
    init.rm = NULL;
    exit_machine((long)value);
    return -L4_ENOREPLY;
}

static const struct l4re_op parent_ops[] = {{.code = 0, .fn = op_signal}};
static const struct l4re_proto parent_protos[] = {
    {L4RE_PROTO_PARENT, "N4L4Re6ParentE", L4RE_CODE_INT, L4RE_OPS(parent_ops)},
};
static const struct object_type parent_type = {.iface = {L4RE_IFACE(parent_protos)}};

/* ---- what it gets ---- */

static long cap_add(const char *name, l4_cap_idx_t cap)
{
    if (l4_msgtag_label(l4_task_cap_valid(L4_BASE_TASK_CAP, cap)) == 1)
        init.caps[init.cap_count++] = (struct loader_cap){name, cap, L4_CAP_FPAGE_RWS, 0};
    return 0;
}

static long object_add(const char *name, struct object *o)
{
    long r = object_gate(o);

    return r < 0 ? r : cap_add(name, o->obj.cap);
}

static long caps_collect(void)
{
    long r;

    init.sigma0 = l4re_caps_alloc(server.caps);
    if (l4_is_invalid_cap(init.sigma0))
        return -L4_ENOMEM;
    if ((r = mem_sigma0_gate(init.sigma0)) < 0 || (r = object_add("rom", &boot_rom->object)) < 0 ||
        (r = object_add("rwfs", &boot_rwfs->object)) < 0 || (r = object_add("mem", &root_factory.object)) < 0 ||
        (r = object_add("kip", &init.kip->object)) < 0 || (r = object_add("dma_mgr", &dma_manager)) < 0)
        return r;
    cap_add("log", L4_BASE_LOG_CAP);
    cap_add("icu", L4_BASE_ICU_CAP);
    cap_add("iommu", L4_BASE_IOMMU_CAP);
    cap_add("sigma0", init.sigma0);
    cap_add("jdb", L4_BASE_DEBUGGER_CAP);
    return 0;
}

static long objects_create(void)
{
    long r = ds_create_static(&root_factory, (word_t)moe.kip, L4_PAGE_SIZE, DS_R | DS_X, &init.kip);

    if (r < 0 || (r = rm_create(&root_factory, &init.rm)) < 0)
        return r;
    init.parent = (struct object){.type = &parent_type, .is_fixed = true};
    init.parent.obj.cap = L4_INVALID_CAP;
    init.rm->object.is_fixed = true;
    init.task = l4re_caps_alloc(server.caps);
    init.thread = l4re_caps_alloc(server.caps);
    if (l4_is_invalid_cap(init.task) || l4_is_invalid_cap(init.thread))
        return -L4_ENOMEM;
    if ((r = object_gate(&init.parent)) < 0 || (r = object_gate(&init.rm->object)) < 0)
        return r;
    return caps_collect();
}

static struct loader_cap standard(l4_cap_idx_t cap) { return (struct loader_cap){NULL, cap, L4_CAP_FPAGE_RWS, 0}; }

static long start(struct loader_problem *problem)
{
    const struct cmdline *c = &moe.options;
    word_t scratch = page_alloc(SCRATCH_ORDER);
    struct loader_plan plan = {
        .ops = &ops, .binary = c->init, .arg_count = c->arg_count, .args = c->args, .cap_count = init.cap_count,
        .caps = init.caps, .loader_flags = c->loader_flags, .debug_level = c->l4re_debug, .base = ~0ul,
        .utcb_order = UTCB_ORDER, .service = (const void *)init.service->address, .service_size = init.service->size,
        .service_name = c->init, .kernel_factory = L4_BASE_FACTORY_CAP, .run_scheduler = L4_BASE_SCHEDULER_CAP,
        .factory = standard(L4_BASE_FACTORY_CAP), .log = standard(L4_BASE_LOG_CAP),
        .scheduler = standard(L4_BASE_SCHEDULER_CAP), .rm = standard(init.rm->object.obj.cap),
        .mem_alloc = standard(root_factory.object.obj.cap), .parent = standard(init.parent.obj.cap),
        .kip = standard(init.kip->object.obj.cap), .dbg_events = standard(L4_INVALID_CAP), .task = init.task,
        .thread = init.thread, .scratch = (void *)scratch, .scratch_size = L4_PAGE_SIZE << SCRATCH_ORDER,
    };

    if (scratch == 0)
        return -L4_ENOMEM;
    long r = loader_start(&plan, problem);
    page_free(scratch, SCRATCH_ORDER);
    return r;
}

long init_start(void)
{
    struct loader_problem problem = {"preparing", -L4_ENOMEM, {ELF_FINE, 0, 0, 0}};
    char line[200];
    struct text t;
    long r = objects_create();

    text_start(&t, line, sizeof line);
    init.service = boot_file(SERVICE);
    if (r >= 0 && init.service == NULL) {
        text_add(&t, "there is no boot module %s", SERVICE_PATH);
        r = -L4_ENOENT;
    } else if (r < 0 || (r = start(&problem)) < 0) {
        problem.error = r;
        text_add(&t, "%s: ", SERVICE_PATH);
        loader_problem_text(&problem, &t);
    }
    if (r < 0)
        say("cannot start %s: %s", moe.options.init, line);
    return r;
}
