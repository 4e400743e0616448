/* SPDX-License-Identifier: MIT */
/* Starting a program; the contract is in loader/task.h. */
#include <l4/sys/factory.h>
#include <l4/sys/scheduler.h>
#include <l4/sys/task.h>
#include <l4/sys/thread.h>
#include <loader/task.h>
#include <region/region.h>
#include <string.h>

#define CAPS_MAX 256u
#define NONE (~0ul)
#define SLOT(n) ((l4_cap_idx_t)(n) << L4_CAP_SHIFT)

/* What one start finds out on its way. */
struct start {
    const struct loader_plan *plan;
    struct loader_problem *problem;
    struct elf_image elf;
    word_t bias;             /* of a position-independent service */
    word_t stack_start, stack_size, kip;
    l4_fpage_t utcb_area;
    struct start_cap caps[CAPS_MAX];
    unsigned cap_count, first_free;
};

static long fail(struct start *s, const char *step, long error)
{
    s->problem->step = step;
    s->problem->error = error;
    return error;
}

static word_t page_down(word_t a) { return a & ~(L4_PAGE_SIZE - 1); }
static word_t page_up(word_t a) { return (a + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1); }

/* ---- the service's file ---- */

static long service_open(struct start *s)
{
    const struct loader_plan *p = s->plan;
    word_t flags;

    if (elf_open(p->service, p->service_size, &s->elf, &s->problem->elf) < 0)
        return fail(s, "reading the in-task service", -L4_EINVAL);
    if (elf_record_find(&s->elf, ELF_RECORD_EX_REGS, &flags) && flags != 0)
        return fail(s, "start flags of the in-task service", -L4_EINVAL);
    s->bias = s->elf.relocatable ? LOADER_SERVICE_BASE - s->elf.low : 0;
    s->stack_start = s->elf.low + s->bias + LOADER_SERVICE_STACK;
    s->stack_size = LOADER_STACK_SIZE;
    s->kip = LOADER_KIP;
    elf_record_find(&s->elf, ELF_RECORD_STACK_START, &s->stack_start);
    elf_record_find(&s->elf, ELF_RECORD_STACK_SIZE, &s->stack_size);
    elf_record_find(&s->elf, ELF_RECORD_KIP, &s->kip);
    s->stack_start = page_down(s->stack_start);
    s->stack_size = page_up(s->stack_size);
    return 0;
}

/* ---- memory ---- */

static long segment_copy(struct start *s, const struct elf_segment *e, word_t start, word_t size)
{
    const struct loader_plan *p = s->plan;
    void *memory;
    long r = p->ops->memory_new(p->context, size, &memory);

    if (r < 0)
        return fail(s, "memory for a segment of the in-task service", r);
    if (e->file_size > 0)
        r = p->ops->memory_copy(p->context, memory, e->address & (L4_PAGE_SIZE - 1), e->offset, e->file_size);
    if (r >= 0)
        r = p->ops->attach(p->context, memory, start, size, e->rights, p->service_name);
    p->ops->memory_end(p->context, memory);
    return r < 0 ? fail(s, "attaching a segment of the in-task service", r) : 0;
}

static long segments_attach(struct start *s)
{
    const struct loader_plan *p = s->plan;
    struct elf_segment e;
    unsigned cursor = 0;

    while (elf_segment_next(&s->elf, &cursor, &e)) {
        word_t start = page_down(e.address) + s->bias;
        word_t size = page_up(e.address + e.memory_size) - page_down(e.address);
        long r;
        if ((e.rights & L4_FPAGE_W) != 0 || e.memory_size > e.file_size ||
            (p->loader_flags & LOADER_COPY_SEGMENTS) != 0) {
            r = segment_copy(s, &e, start, size);
        } else {
            r = p->ops->attach_file(p->context, page_down(e.offset), start, size, e.rights, p->service_name);
            if (r < 0)
                fail(s, "attaching a segment of the in-task service", r);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static long ranges_attach(struct start *s)
{
    const struct loader_plan *p = s->plan;
    word_t cursor = 0, start, end;
    long r = p->ops->attach(p->context, NULL, l4_fpage_memaddr(s->utcb_area), 1ul << l4_fpage_size(s->utcb_area),
                            L4_FPAGE_RW | REGION_KERNEL, "[utcb]");

    if (r < 0)
        return fail(s, "attaching the UTCB area", r);
    r = p->ops->attach_kip(p->context, s->kip, L4_PAGE_SIZE, L4_FPAGE_RX, "[kip]");
    if (r < 0)
        return fail(s, "attaching the kernel info page", r);
    while (elf_reserved_next(&s->elf, &cursor, &start, &end))
        if (p->ops->reserve(p->context, page_down(start), page_up(end - page_down(start) + 1)) < 0)
            return fail(s, "reserving a range of the in-task service", -L4_EADDRNOTAVAIL);
    return 0;
}

/* ---- capabilities ---- */

static long cap_map(struct start *s, const struct loader_cap *c, unsigned slot, const char *what)
{
    if (l4_is_invalid_cap(c->cap))
        return 0;
    long r = l4_error(l4_task_map(s->plan->task, L4_BASE_TASK_CAP, l4_obj_fpage(c->cap, 0, (unsigned char)c->rights),
                                  l4_map_obj_control(SLOT(slot), c->attributes & 0xf0u)));
    return r < 0 ? fail(s, what, r) : 0;
}

static long standard_caps_map(struct start *s)
{
    const struct loader_plan *p = s->plan;
    const struct loader_cap task = {NULL, p->task, L4_CAP_FPAGE_RWS, 0};
    const struct loader_cap thread = {NULL, p->thread, L4_CAP_FPAGE_RWS, 0};
    const struct {
        const struct loader_cap *cap;
        unsigned slot;
        const char *what;
    } list[] = {
        {&task, L4_SLOT_TASK, "mapping the task"},
        {&p->factory, L4_SLOT_FACTORY, "mapping the factory"},
        {&thread, L4_SLOT_THREAD, "mapping the first thread"},
        {&p->log, L4_SLOT_LOG, "mapping the log"},
        {&p->scheduler, L4_SLOT_SCHEDULER, "mapping the scheduler"},
        {&p->rm, LOADER_SLOT_RM, "mapping the region map"},
        {&p->mem_alloc, LOADER_SLOT_MEM_ALLOC, "mapping the memory allocator"},
        {&p->parent, LOADER_SLOT_PARENT, "mapping the parent"},
        {&p->kip, LOADER_SLOT_KIP, "mapping the kernel info page's dataspace"},
        {&p->dbg_events, LOADER_SLOT_DBG_EVENTS, "mapping the debug-event service"},
    };

    for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
        long r = cap_map(s, list[i].cap, list[i].slot, list[i].what);
        if (r < 0)
            return r;
    }
    return 0;
}

static long named_caps_map(struct start *s)
{
    const struct loader_plan *p = s->plan;

    s->first_free = LOADER_SLOT_NAMED;
    if (p->cap_count > CAPS_MAX)
        return fail(s, "too many named capabilities", -L4_E2BIG);
    for (unsigned i = 0; i < p->cap_count; i++) {
        const struct loader_cap *c = &p->caps[i];
        unsigned slot = strcmp(c->name, "jdb") == 0 ? L4_SLOT_DEBUGGER : s->first_free++;
        long r = cap_map(s, c, slot, "mapping a named capability");
        if (r < 0)
            return r;
        struct start_cap *e = &s->caps[s->cap_count++];
        e->cap = l4_is_invalid_cap(c->cap) ? L4_INVALID_CAP : SLOT(slot);
        e->flags = 0;
        strncpy(e->name, c->name, sizeof e->name);
    }
    return 0;
}

/* ---- stack ---- */

static word_t slot_word(const struct loader_cap *c, unsigned slot)
{
    return l4_is_invalid_cap(c->cap) ? L4_INVALID_CAP : SLOT(slot);
}

static void environment_fill(const struct start *s, struct start_env *e)
{
    const struct loader_plan *p = s->plan;
    word_t utcb = l4_fpage_memaddr(s->utcb_area);

    e->parent = slot_word(&p->parent, LOADER_SLOT_PARENT);
    e->rm = slot_word(&p->rm, LOADER_SLOT_RM);
    e->mem_alloc = slot_word(&p->mem_alloc, LOADER_SLOT_MEM_ALLOC);
    e->log = slot_word(&p->log, L4_SLOT_LOG);
    e->main_thread = SLOT(L4_SLOT_THREAD);
    e->factory = slot_word(&p->factory, L4_SLOT_FACTORY);
    e->scheduler = slot_word(&p->scheduler, L4_SLOT_SCHEDULER);
    e->itas = L4_INVALID_CAP;
    e->dbg_events = slot_word(&p->dbg_events, LOADER_SLOT_DBG_EVENTS);
    e->first_free_cap = s->first_free;
    e->first_free_reply_cap = 0;
    e->utcb_area = s->utcb_area.raw;
    e->first_free_utcb = utcb + L4_UTCB_OFFSET;
}

static long stack_attach(struct start *s, word_t *sp)
{
    const struct loader_plan *p = s->plan;
    struct stack_plan plan = {.arg_count = p->arg_count, .env_count = p->env_count, .cap_count = s->cap_count,
                              .args = p->args, .envs = p->envs, .caps = s->caps, .binary = p->binary, .kip = s->kip};
    word_t top = s->stack_start + s->stack_size, size;
    void *memory;

    environment_fill(s, &plan.env);
    plan.aux = (struct start_aux){0, slot_word(&p->kip, LOADER_SLOT_KIP), p->debug_level, p->loader_flags, p->base};
    plan.elf = (struct stack_elf){NONE, NONE, s->elf.has_header_address ? s->elf.header_address + s->bias : NONE,
                                  s->elf.header_size, s->elf.header_count};
    *sp = stack_build(&plan, p->scratch, p->scratch_size, top);
    if (*sp == 0 || top - *sp > s->stack_size / 2)
        return fail(s, "arguments, environment and capabilities are too many for the stack", -L4_E2BIG);
    long r = p->ops->memory_new(p->context, s->stack_size, &memory);
    if (r < 0)
        return fail(s, "memory for the stack", r);
    size = top - *sp;
    r = p->ops->memory_write(p->context, memory, s->stack_size - size, (char *)p->scratch + p->scratch_size - size,
                             size);
    if (r >= 0)
        r = p->ops->attach(p->context, memory, s->stack_start, s->stack_size, L4_FPAGE_RW, "[stack]");
    p->ops->memory_end(p->context, memory);
    return r < 0 ? fail(s, "attaching the stack", r) : 0;
}

/* ---- kernel objects ---- */

static long objects_create(struct start *s)
{
    const struct loader_plan *p = s->plan;

    s->utcb_area = l4_fpage(LOADER_UTCB_START, p->utcb_order, L4_FPAGE_RW);
    long r = l4_error(l4_factory_create_task(p->kernel_factory, p->task, &s->utcb_area));
    if (r < 0)
        return fail(s, "creating the task", r);
    r = l4_error(l4_factory_create_thread(p->kernel_factory, p->thread));
    return r < 0 ? fail(s, "creating the first thread", r) : 0;
}

static long thread_go(struct start *s, word_t sp)
{
    const struct loader_plan *p = s->plan;
    l4_sched_param_t param = l4_sched_param(LOADER_PRIORITY, 0);
    l4_cap_idx_t scheduler = l4_is_invalid_cap(p->run_scheduler) ? p->scheduler.cap : p->run_scheduler;

    l4_thread_control_start();
    l4_thread_control_pager(SLOT(LOADER_SLOT_RM));
    l4_thread_control_exc_handler(SLOT(LOADER_SLOT_RM));
    l4_thread_control_bind((l4_utcb_t *)l4_fpage_memaddr(s->utcb_area), p->task);
    long r = l4_error(l4_thread_control_commit(p->thread));
    if (r < 0)
        return fail(s, "setting up the first thread", r);
    r = l4_error(l4_scheduler_run_thread(scheduler, p->thread, &param));
    if (r < 0)
        return fail(s, "scheduling the first thread", r);
    r = l4_error(l4_thread_ex_regs(p->thread, s->elf.entry + s->bias, sp, 0));
    return r < 0 ? fail(s, "starting the first thread", r) : 0;
}

static long start_steps(struct start *s)
{
    word_t sp;
    long r = service_open(s);

    if (r < 0 || (r = objects_create(s)) < 0 || (r = segments_attach(s)) < 0 || (r = ranges_attach(s)) < 0 ||
        (r = named_caps_map(s)) < 0 || (r = stack_attach(s, &sp)) < 0 || (r = standard_caps_map(s)) < 0)
        return r;
    return thread_go(s, sp);
}

long loader_start(const struct loader_plan *plan, struct loader_problem *problem)
{
    struct start s = {.plan = plan, .problem = problem};

    *problem = (struct loader_problem){NULL, 0, {ELF_FINE, 0, 0, 0}};
    long r = start_steps(&s);
    if (r < 0) { /* empty slots are no error here */
        l4_task_delete_obj(L4_BASE_TASK_CAP, plan->thread);
        l4_task_delete_obj(L4_BASE_TASK_CAP, plan->task);
    }
    return r;
}

void loader_problem_text(const struct loader_problem *problem, struct text *text)
{
    text_add(text, "%s: ", problem->step);
    if (problem->elf.fault != ELF_FINE)
        elf_problem_text(&problem->elf, text);
    else
        text_add(text, "error %ld", problem->error);
}
