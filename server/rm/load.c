/* SPDX-License-Identifier: MIT */
/*
 * The application: opens its file, places its segments and its stack, and starts its first thread. The file is
 * attached as a whole while we read it; read-only segments stay attachments of the file itself, the others become
 * copies.
 *
 * Whatever is wrong with the file ends the task with exit code 70 and one line that names file and reason.
 */
#include "thread.h"
#include <loader/elf.h>

#define STACK_START 0x80000000ul
#define STACK_SIZE 0x200000ul
#define STACK_SIZE_MAX 0x40000000ul
#define BASE_PROGRAM 0x200000ul
#define BASE_INTERPRETER 0x400000ul
#define SUPERPAGE_ORDER 21u
#define INTERPRETER_DEFAULT "rom/libld-l4.so.1"

#define FLAG_EAGER 1ul
#define FLAG_COPY_ALL 2ul
#define FLAG_PINNED 4ul
#define DS_PINNED 2ul

struct file {
    const char *path;
    const char *role; /* in messages, before the path */
    l4_cap_idx_t ds;
    l4_addr_t window;
    l4_umword_t size;
    struct elf_image elf;
    l4_addr_t base; /* added to every address of the file */
};

static struct {
    l4_addr_t entry, stack_start, stack_size, sp;
    struct thread *thread;
} app;

static void bad_file(const struct file *f, const char *why, long code)
{
    die(EXIT_LOAD_FAILED, "cannot start '%s': %s%s%s%s (%ld)", program_name(), f->role, f->role[0] != 0 ? f->path : "",
        f->role[0] != 0 ? ": " : "", why, code);
}

/* ---- the file ---- */

static long attach(l4_addr_t *start, l4_umword_t size, uint32_t flags, l4_cap_idx_t ds, l4_umword_t offset,
                   const char *name)
{
    struct attach_request a = {.start = *start, .size = size, .flags = flags, .ds = ds,
                               .offset = offset, .align = L4_PAGESHIFT, .client_ref = CAP_NONE, .name = name,
                               .name_length = strlen(name)};
    long r = space_attach(&a);

    *start = a.start;
    return r;
}

/* We read the file through our own pager. Pages that it does not know are brought in beforehand. */
static void file_attach(struct file *f)
{
    long r = ds_info(f->ds, &f->size);

    if (r < 0)
        bad_file(f, "not a file", r);
    if (f->size == 0)
        bad_file(f, "the file is empty", 0);
    f->window = PRIVATE_RANGE;
    r = attach(&f->window, f->size, REGION_R | REGION_SEARCH, f->ds, 0, "[file]");
    if (r < 0)
        bad_file(f, "cannot be attached", r);
    if (region_find(&space, f->window, f->window)->object == 0)
        return;
    for (l4_umword_t at = 0; at < f->size; at += L4_PAGESIZE)
        if ((r = fault_resolve(f->window + at, 0, 0)) < 0)
            bad_file(f, "cannot be read", r);
}

static void file_load(struct file *f)
{
    const char *problem = "";
    struct elf_problem wrong;

    f->ds = slot_take();
    long r = l4_is_invalid_cap(f->ds) ? -L4_ENOMEM : file_open(f->path, f->ds, &problem);
    if (r < 0)
        bad_file(f, problem, r);
    file_attach(f);
    if (elf_open((const void *)f->window, f->size, &f->elf, &wrong) < 0) {
        char line[200];
        struct text t;
        text_start(&t, line, sizeof line);
        elf_problem_text(&wrong, &t);
        bad_file(f, line, -L4_EINVAL);
    }
}

static void file_close(struct file *f)
{
    l4_addr_t start;
    l4_umword_t length, ref;

    space_detach(f->window, f->size, REGION_DETACH_OVERLAP, &start, &length, &ref);
    slot_give(f->ds);
}

/* ---- segments ---- */

static void base_choose(struct file *f, l4_addr_t from)
{
    l4_addr_t at = from;

    if (!f->elf.relocatable)
        return;
    if (startup.aux->base != ~0ul && from == BASE_PROGRAM) {
        f->base = startup.aux->base - f->elf.low;
        return;
    }
    l4_umword_t size = f->elf.high + 1 - f->elf.low;
    long r = region_place(&space, &at, size, REGION_SEARCH, SUPERPAGE_ORDER);
    if (r < 0)
        bad_file(f, "no room in the address space", r);
    f->base = at - f->elf.low;
}

/* A dataspace with the file's bytes at the same place in the page, zeros around them. */
static l4_cap_idx_t segment_copy(const struct file *f, l4_umword_t size)
{
    l4_cap_idx_t ds = slot_take();
    l4_umword_t flags = (startup.aux->loader_flags & FLAG_PINNED) != 0 ? DS_PINNED : 0;
    long r = l4_is_invalid_cap(ds) ? -L4_ENOMEM : ds_create(ds, size, flags);

    if (r < 0)
        bad_file(f, "no memory for a segment: the quota of the program's factory is too small", r);
    return ds;
}

static void segment_bytes(const struct file *f, const struct elf_segment *s, l4_cap_idx_t ds, l4_addr_t at)
{
    l4_umword_t in_page = s->address & (L4_PAGESIZE - 1);

    if (s->file_size == 0)
        return;
    long r = ds_copy_in(ds, in_page, f->ds, s->offset, s->file_size);
    if (r < 0 && (r = user_write(at + in_page, (const char *)f->window + s->offset, s->file_size)) < 0)
        bad_file(f, "a segment cannot be copied", r);
}

static void segment_attach(const struct file *f, const struct elf_segment *s)
{
    l4_umword_t flags = startup.aux->loader_flags;
    l4_addr_t at = l4_trunc_page(f->base + s->address);
    l4_umword_t size = l4_round_page(f->base + s->address + s->memory_size) - at;
    uint32_t rights = s->rights | ((flags & FLAG_EAGER) != 0 ? REGION_EAGER : 0);
    long r;

    if ((s->rights & REGION_W) == 0 && s->memory_size == s->file_size && (flags & FLAG_COPY_ALL) == 0) {
        r = attach(&at, size, rights, f->ds, l4_trunc_page(s->offset), f->path);
    } else {
        /* Attached before it is filled: a file of another server is copied through the mapping. */
        l4_cap_idx_t ds = segment_copy(f, size);
        r = attach(&at, size, s->rights | REGION_W, ds, 0, f->path);
        if (r >= 0)
            segment_bytes(f, s, ds, at);
        slot_give(ds);
    }
    if (r == -L4_EADDRNOTAVAIL)
        bad_file(f, "the addresses of a segment are taken", r);
    if (r < 0)
        bad_file(f, "a segment cannot be attached", r);
}

static void segments_attach(const struct file *f)
{
    struct elf_segment s;
    unsigned cursor = 0;
    word_t next = 0, start, end;

    while (elf_segment_next(&f->elf, &cursor, &s))
        segment_attach(f, &s);
    while (elf_reserved_next(&f->elf, &next, &start, &end)) {
        if (end < start || space_reserve(&start, end - start + 1, 0, L4_PAGESHIFT) < 0)
            bad_file(f, "a reserved range makes no sense", -L4_EINVAL);
    }
}

/* ---- stack ---- */

static void stack_attach(const struct file *f)
{
    word_t value;

    app.stack_start = STACK_START;
    app.stack_size = STACK_SIZE;
    if (elf_record_find(&f->elf, ELF_RECORD_STACK_START, &value))
        app.stack_start = value;
    if (elf_record_find(&f->elf, ELF_RECORD_STACK_SIZE, &value))
        app.stack_size = l4_round_page(value);
    if (app.stack_size == 0 || app.stack_size > STACK_SIZE_MAX)
        bad_file(f, "the stack size makes no sense", -L4_EINVAL);
    l4_cap_idx_t ds = slot_take();
    long r = l4_is_invalid_cap(ds) ? -L4_ENOMEM : ds_create(ds, app.stack_size, 0);
    if (r < 0)
        bad_file(f, "no memory for the stack: the quota of the program's factory is too small", r);
    l4_addr_t at = app.stack_start;
    r = attach(&at, app.stack_size, REGION_R | REGION_W, ds, 0, "[stack]");
    slot_give(ds);
    if (r < 0)
        bad_file(f, "the stack cannot be attached", r);
}

static unsigned list_length(char **list)
{
    unsigned n = 0;

    while (list[n] != 0)
        n++;
    return n;
}

static unsigned cap_count(void)
{
    const struct start_cap *c = (const struct start_cap *)startup.env->caps;
    unsigned n = 0;

    while (c[n].flags != ~0ul)
        n++;
    return n;
}

static void stack_fill(const struct file *program, const struct file *interpreter)
{
    struct stack_plan p = {
        .arg_count = (unsigned)startup.argc, .args = (const char *const *)startup.argv,
        .env_count = list_length(startup.envp), .envs = (const char *const *)startup.envp,
        .cap_count = cap_count(), .caps = (const struct start_cap *)startup.env->caps,
        .env = *startup.env, .aux = *startup.aux, .binary = program_name(), .kip = startup.kip,
        .elf = {~0ul, ~0ul, ~0ul, program->elf.header_size, program->elf.header_count},
    };

    p.env.rm = rm_gate;
    p.env.main_thread = main_thread_slot;
    p.env.itas = itas_gate;
    p.env.first_free_cap = startup.env->first_free_cap + SLOTS_OWN;
    p.env.first_free_utcb = app.thread->utcb + L4_UTCB_OFFSET;
    if (program->elf.has_header_address)
        p.elf.headers = program->base + program->elf.header_address;
    if (interpreter != 0) {
        p.elf.base = interpreter->base;
        p.elf.entry = program->base + program->elf.entry;
    }
    l4_umword_t size = (stack_size(&p) + 15) & ~15ul;
    l4_addr_t top = app.stack_start + app.stack_size;
    if (size > app.stack_size / 2)
        die(EXIT_LOAD_FAILED, "cannot start '%s': arguments and environment (%lu bytes) do not fit on the stack",
            program_name(), size);
    for (l4_addr_t at = l4_trunc_page(top - size); at < top; at += L4_PAGESIZE)
        if (fault_resolve(at, ACCESS_WRITE, 0) < 0)
            die(EXIT_LOAD_FAILED, "cannot start '%s': no memory for the stack", program_name());
    app.sp = stack_build(&p, (void *)(top - size), size, top);
}

/* ---- first thread ---- */

static void must(long r, const char *what)
{
    if (r < 0)
        die(EXIT_LOAD_FAILED, "cannot start '%s': %s: %s (%ld)", program_name(), what, l4sys_errtostr(r), r);
}

static long create(l4_cap_idx_t slot, long protocol)
{
    struct rpc m = rpc_write();

    rpc_put64(&m, (uint64_t)protocol);
    rpc_want_cap(&m, slot);
    return rpc_call(&m, startup.env->factory, L4_PROTO_FACTORY);
}

static void thread_make(void)
{
    rm_gate = slot_take();
    itas_gate = slot_take();
    main_thread_slot = slot_take();
    must(gate_create(rm_gate, LABEL_RM), "no gate for the region map");
    must(gate_create(itas_gate, LABEL_ITAS), "no gate for the in-task service");
    must(create(main_thread_slot, L4_PROTO_THREAD), "no thread");
    must(thread_register(main_thread_slot, startup.env->first_free_utcb, &app.thread), "the thread cannot be set up");
}

void application_load(void)
{
    struct file program = {.path = program_name(), .role = ""};
    struct file interpreter = {.role = "its interpreter "};

    thread_make();
    file_load(&program);
    base_choose(&program, BASE_PROGRAM);
    segments_attach(&program);
    app.entry = program.base + program.elf.entry;
    if (program.elf.interpreter != 0) {
        interpreter.path = program.elf.interpreter[0] != 0 ? program.elf.interpreter : INTERPRETER_DEFAULT;
        file_load(&interpreter);
        base_choose(&interpreter, BASE_INTERPRETER);
        segments_attach(&interpreter);
        app.entry = interpreter.base + interpreter.elf.entry;
    }
    stack_attach(&program);
    stack_fill(&program, interpreter.path != 0 ? &interpreter : 0);
    if (interpreter.path != 0)
        file_close(&interpreter);
    file_close(&program);
}

void application_start(void)
{
    struct rpc m = rpc_write();

    rpc_put64(&m, L4_OP_THREAD_EX_REGS);
    rpc_put64(&m, app.entry);
    rpc_put64(&m, app.sp);
    must(rpc_call(&m, main_thread_slot, L4_PROTO_THREAD), "the thread does not start");
    m = rpc_write();
    rpc_put64(&m, 1);
    rpc_put64(&m, 0xff000000);
    rpc_put64(&m, 1);
    rpc_put64(&m, PRIO_APPLICATION);
    rpc_put64(&m, 0);
    rpc_put_cap(&m, main_thread_slot, L4_CAP_FPAGE_RWS);
    must(rpc_call(&m, startup.env->scheduler, L4_PROTO_SCHEDULER), "the scheduler refuses the thread");
}
