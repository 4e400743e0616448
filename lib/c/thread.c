/* SPDX-License-Identifier: MIT */
/*
 * POSIX threads on kernel threads: creation, identity and end. musl keeps its own descriptor of a thread beside its
 * TLS; ours is a page of its own, because it outlives the stack: a thread that ends runs its last instructions on it.
 *
 * States of a descriptor, and who moves it:
 *   free  -> live   labe_sys_clone           has a UTCB and two capability slots, no kernel objects
 *   live  -> dying  labe_thread_exit      by the thread itself, on the stack inside the descriptor
 *   dying -> free   descriptor_reap       once the kernel has cleared the UTCB's marker and the slot is empty
 *
 * I1  The lists are read and changed under `lock`. Creation is serialised by musl (thread list lock).
 * I2  A dying thread deletes its own kernel objects as its last system call: nobody has to wait for it, nothing leaks,
 *     and its slots and UTCB are given out again only after the kernel has let go of them. The in-task service keeps
 *     its entry until the slot is registered again or unregistered: a thread needs its pager to the end.
 * I3  exit_futex becomes 0 after the last use of the thread's own stack and TLS: musl's joiner unmaps them then.
 */
#include "layer.h"
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/c/util/kumem_alloc.h>
#include <l4/re/consts.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>
#include <l4/sys/factory.h>
#include <l4/sys/ipc.h>
#include <l4/sys/scheduler.h>
#include <l4/sys/semaphore.h>
#include <l4/sys/task.h>
#include <l4/sys/thread.h>

#define DESCRIPTOR_SIZE 4096u
#define ITAS_REGISTER_THREAD 0
#define ITAS_UNREGISTER_THREAD 1

static struct labe_lock lock;
static struct labe_thread main_thread = {.semaphore = L4_INVALID_CAP, .priority = L4RE_MAIN_THREAD_PRIO};
static struct labe_thread *live = &main_thread, *dying, *unused;
static l4_addr_t utcb_next, utcb_end; /* UTCBs never used so far */
static int threaded;

/* ---- the lock ---- */

long labe_lock_create(struct labe_lock *l)
{
    if (l->semaphore != 0)
        return 0;
    l4_cap_idx_t semaphore = l4re_util_cap_alloc();
    if (l4_is_invalid_cap(semaphore))
        return -ENOMEM;
    long result = l4_error(l4_factory_create(l4re_env()->factory, L4_PROTO_SEMAPHORE, semaphore));
    if (result < 0) {
        l4re_util_cap_free(semaphore);
        return labe_errno(result);
    }
    l->semaphore = semaphore;
    return 0;
}

void labe_lock_take(struct labe_lock *l)
{
    if (atomic_fetch_add(&l->users, 1) == 0)
        return;
    while (l4_error(l4_semaphore_down(l->semaphore, L4_IPC_NEVER)) < 0)
        ; /* cancelled by somebody's ex_regs: the place in the queue is still ours to take */
}

void labe_lock_give(struct labe_lock *l)
{
    if (atomic_fetch_sub(&l->users, 1) > 1)
        l4_semaphore_up(l->semaphore);
}

/* ---- identity ---- */

/* A thread of ours has its descriptor in user word 0 of its UTCB. The main thread may use that word as it likes. */
struct labe_thread *labe_thread_self(void)
{
    l4_utcb_t *utcb = l4_utcb();

    if (!threaded || utcb == main_thread.utcb)
        return &main_thread;
    return (struct labe_thread *)l4_utcb_tcr_u(utcb)->user[0];
}

int labe_threaded(void)
{
    return threaded;
}

static long tid_of(const struct labe_thread *t)
{
    if (t == &main_thread)
        return (long)(l4re_env()->main_thread >> L4_CAP_SHIFT);
    return (long)(t->thread >> L4_CAP_SHIFT);
}

struct labe_thread *labe_thread_find(long tid)
{
    struct labe_thread *t;

    labe_lock_take(&lock);
    for (t = live; t != NULL && tid_of(t) != tid; t = t->next)
        ;
    labe_lock_give(&lock);
    return t;
}

l4_cap_idx_t labe_thread_nth(unsigned n)
{
    struct labe_thread *t;

    labe_lock_take(&lock);
    for (t = live; t != NULL && n > 0; t = t->next)
        n--;
    l4_cap_idx_t thread = t != NULL ? (l4_cap_idx_t)tid_of(t) << L4_CAP_SHIFT : L4_INVALID_CAP;
    labe_lock_give(&lock);
    return thread;
}

void labe_thread_interrupt(struct labe_thread *t)
{
    atomic_store(&t->interrupted, 1);
    if (l4_is_valid_cap(t->semaphore))
        l4_semaphore_up(t->semaphore);
}

/* The base of fs is the thread pointer; 0 in the upper half of the operation's word names that register. */
static long thread_pointer_set(l4_cap_idx_t thread, void *p)
{
    l4_utcb_t *utcb = l4_utcb();

    l4_utcb_mr_u(utcb)->mr[0] = L4_THREAD_AMD64_SET_SEGMENT_BASE_OP;
    l4_utcb_mr_u(utcb)->mr[1] = (l4_umword_t)p;
    return l4_error(l4_ipc_call(thread, utcb, l4_msgtag(L4_PROTO_THREAD, 2, 0, 0), L4_IPC_NEVER));
}

/* For <pthread-l4.h>. */
l4_cap_idx_t labe_thread_cap(long tid);
l4_utcb_t *labe_thread_utcb(long tid);

l4_cap_idx_t labe_thread_cap(long tid)
{
    return labe_thread_find(tid) != NULL ? (l4_cap_idx_t)tid << L4_CAP_SHIFT : L4_INVALID_CAP;
}

l4_utcb_t *labe_thread_utcb(long tid)
{
    const struct labe_thread *t = labe_thread_find(tid);

    return t == &main_thread && !threaded ? l4_utcb() : t != NULL ? t->utcb : NULL;
}

long labe_sys_set_tid_address(const long *a)
{
    struct labe_thread *self = labe_thread_self();

    self->exit_futex = (int *)a[0];
    return tid_of(self);
}

long labe_sys_gettid(const long *a)
{
    struct labe_thread *self = labe_thread_self();

    (void)a;
    return self != NULL ? tid_of(self) : -ESRCH;
}

long labe_sys_set_robust_list(const long *a)
{
    (void)a; /* the lists of a thread that ends are walked by musl itself */
    return 0;
}

/* ---- descriptors ---- */

static void list_remove(struct labe_thread **list, struct labe_thread *t)
{
    while (*list != t)
        list = &(*list)->next;
    *list = t->next;
}

static void list_add(struct labe_thread **list, struct labe_thread *t)
{
    t->next = *list;
    *list = t;
}

/* Before the second thread starts; the main thread is the caller or asleep for ever. */
static long threads_start(void)
{
    long result;

    if (threaded)
        return 0;
    if ((result = labe_lock_create(&lock)) < 0)
        return result;
    if ((result = labe_futex_start()) < 0 || (result = labe_file_start()) < 0)
        return result;
    if (l4_is_invalid_cap(main_thread.semaphore)) {
        struct labe_lock l = {0};
        if ((result = labe_lock_create(&l)) < 0)
            return result;
        main_thread.semaphore = l.semaphore;
    }
    main_thread.thread = l4re_env()->main_thread;
    main_thread.utcb = l4_utcb();
    threaded = 1;
    return 0;
}

/* The next UTCB that no thread has had: from the area the loader set up, then page by page from the kernel. */
static l4_utcb_t *utcb_take(void)
{
    l4re_env_t *env = l4re_env();

    if (env->first_free_utcb != ~0ul) {
        utcb_next = env->first_free_utcb;
        utcb_end = l4_fpage_memaddr(env->utcb_area) + (1ul << l4_fpage_size(env->utcb_area));
        env->first_free_utcb = ~0ul;
    }
    if (utcb_next + L4_UTCB_OFFSET > utcb_end || utcb_next == 0) {
        l4_addr_t page = 0;
        if (l4re_util_kumem_alloc(&page, 0, L4RE_THIS_TASK_CAP, env->rm) < 0)
            return NULL;
        utcb_next = page;
        utcb_end = page + L4_PAGESIZE;
    }
    l4_utcb_t *utcb = (l4_utcb_t *)utcb_next;
    utcb_next += L4_UTCB_OFFSET;
    return utcb;
}

static struct labe_thread *descriptor_new(void)
{
    l4_cap_idx_t thread = l4re_util_cap_alloc(), semaphore = l4re_util_cap_alloc();
    l4_utcb_t *utcb = NULL;
    long page = -ENOMEM;

    if (l4_is_valid_cap(thread) && l4_is_valid_cap(semaphore) && (page = labe_memory_map(DESCRIPTOR_SIZE)) >= 0)
        utcb = utcb_take();
    if (utcb == NULL) {
        if (page >= 0)
            labe_memory_unmap(page, DESCRIPTOR_SIZE);
        if (l4_is_valid_cap(thread))
            l4re_util_cap_free(thread);
        if (l4_is_valid_cap(semaphore))
            l4re_util_cap_free(semaphore);
        return NULL;
    }
    struct labe_thread *t = (struct labe_thread *)page;
    t->thread = thread;
    t->semaphore = semaphore;
    t->utcb = utcb;
    return t;
}

static struct labe_thread *descriptor_reap(void)
{
    struct labe_thread *t;

    for (t = dying; t != NULL; t = t->next)
        if (*(volatile l4_umword_t *)&l4_utcb_tcr_u(t->utcb)->free_marker == 0 &&
            l4_msgtag_label(l4_task_cap_valid(L4RE_THIS_TASK_CAP, t->thread)) <= 0)
            break;
    if (t != NULL)
        list_remove(&dying, t);
    return t;
}

static struct labe_thread *descriptor_take(void)
{
    labe_lock_take(&lock);
    struct labe_thread *t = unused;
    if (t != NULL)
        unused = t->next;
    else
        t = descriptor_reap();
    labe_lock_give(&lock);
    return t != NULL ? t : descriptor_new();
}

static void descriptor_give(struct labe_thread *t)
{
    labe_lock_take(&lock);
    list_add(&unused, t);
    labe_lock_give(&lock);
}

/* ---- creation ---- */

/* The in-task service makes itself pager and exception handler of the new thread. Negative: it cannot, or is absent. */
static long itas_call(int operation, l4_cap_idx_t thread, l4_utcb_t *utcb)
{
    l4_cap_idx_t itas = l4re_env()->itas;
    struct l4re_call c;

    if (l4_is_invalid_cap(itas))
        return -ENOSYS;
    l4re_call_start(&c, operation);
    if (operation == ITAS_REGISTER_THREAD) {
        l4re_wr_u64(&c.out, (l4_addr_t)utcb);
        l4re_wr_cap(&c.out, l4re_env()->main_thread, L4_CAP_FPAGE_RWS);
    }
    l4re_wr_cap(&c.out, thread, L4_CAP_FPAGE_RWS);
    return l4re_call(&c, itas, L4RE_PROTO_ITAS, L4_IPC_NEVER);
}

static long thread_bind(struct labe_thread *t)
{
    if (itas_call(ITAS_REGISTER_THREAD, t->thread, t->utcb) >= 0)
        return 0;
    l4_thread_control_start();
    l4_thread_control_pager(l4re_env()->rm);
    l4_thread_control_exc_handler(l4re_env()->rm);
    l4_thread_control_bind(t->utcb, L4RE_THIS_TASK_CAP);
    return l4_error(l4_thread_control_commit(t->thread));
}

static long thread_schedule(struct labe_thread *t)
{
    l4_sched_param_t p = l4_sched_param(t->priority, 0);

    if (t->cpus != 0)
        p.affinity = l4_sched_cpu_set(0, 0, t->cpus);
    return l4_error(l4_scheduler_run_thread(l4re_env()->scheduler, t->thread, &p));
}

static long thread_objects_create(struct labe_thread *t)
{
    l4_cap_idx_t factory = l4re_env()->factory;
    long result = l4_error(l4_factory_create_thread(factory, t->thread));

    if (result < 0)
        return result;
    result = l4_error(l4_factory_create(factory, L4_PROTO_SEMAPHORE, t->semaphore));
    if (result < 0) {
        l4_task_delete_obj(L4RE_THIS_TASK_CAP, t->thread);
        return result;
    }
    return 0;
}

/* The first instruction of a thread: function and argument lie at the stack pointer. */
__asm__(".text\n"
        ".type labe_thread_entry, @function\n"
        "labe_thread_entry:\n"
        "   xor %ebp, %ebp\n"
        "   pop %rdi\n"
        "   pop %rsi\n"
        "   call labe_thread_run\n"
        "   hlt\n"
        ".size labe_thread_entry, . - labe_thread_entry\n");
void labe_thread_entry(void);
_Noreturn void labe_thread_run(int (*start)(void *), void *arg);
_Noreturn void labe_thread_exit(void *base, size_t size);

_Noreturn void labe_thread_run(int (*start)(void *), void *arg)
{
    start(arg);
    labe_thread_exit(NULL, 0);
}

static long thread_launch(struct labe_thread *t, void *stack, void *thread_pointer)
{
    long result = thread_bind(t);

    if (result >= 0)
        result = thread_pointer_set(t->thread, thread_pointer);
    if (result < 0)
        return result;
    l4_utcb_br_u(t->utcb)->bdr = 0;
    l4_utcb_br_u(t->utcb)->br[0] = 0;
    l4_utcb_tcr_u(t->utcb)->free_marker = 1; /* the kernel stores 0 when the thread is gone */
    l4_utcb_tcr_u(t->utcb)->user[0] = (l4_umword_t)t;
    result = thread_schedule(t);
    if (result >= 0)
        result = l4_error(l4_thread_ex_regs(t->thread, (l4_addr_t)labe_thread_entry, (l4_addr_t)stack, 0));
    return result;
}

static long thread_create(struct labe_thread *t, void *stack, void *thread_pointer, int *tid)
{
    struct labe_thread *self = labe_thread_self();
    long result = thread_objects_create(t);

    if (result < 0)
        return result;
    atomic_store(&t->interrupted, 0);
    t->priority = self != NULL ? self->priority : L4RE_MAIN_THREAD_PRIO;
    t->cpus = self != NULL ? self->cpus : 0;
    t->signals_blocked = self != NULL ? self->signals_blocked : 0;
    t->signals_pending = 0;
    labe_lock_take(&lock);
    list_add(&live, t);
    labe_lock_give(&lock);
    *tid = (int)tid_of(t);

    result = thread_launch(t, stack, thread_pointer);
    if (result < 0) {
        labe_lock_take(&lock);
        list_remove(&live, t);
        labe_lock_give(&lock);
        l4_task_delete_obj(L4RE_THIS_TASK_CAP, t->semaphore);
        l4_task_delete_obj(L4RE_THIS_TASK_CAP, t->thread);
        itas_call(ITAS_UNREGISTER_THREAD, t->thread, NULL);
    }
    return result;
}

/* Arguments as lib/c/musl/thread/clone.c passes them: start, arg, stack, thread pointer, int *tid, int *exit futex. */
long labe_sys_clone(const long *a)
{
    struct labe_thread *t = threads_start() < 0 ? NULL : descriptor_take();

    if (t == NULL)
        return -EAGAIN;
    uintptr_t *top = (uintptr_t *)((uintptr_t)a[2] & ~15ul) - 2;
    top[0] = (uintptr_t)a[0];
    top[1] = (uintptr_t)a[1];
    t->exit_futex = (int *)a[5];
    if (thread_create(t, top, (void *)a[3], (int *)a[4]) < 0) {
        descriptor_give(t);
        return -EAGAIN;
    }
    return tid_of(t);
}

/* ---- end ---- */

static void exit_futex_clear(int *address)
{
    if (address == NULL)
        return;
    __atomic_store_n(address, 0, __ATOMIC_SEQ_CST);
    labe_futex_wake(address, 1);
}

/* On the stack inside the descriptor; the thread's own stack and TLS may be gone from here on. */
static _Noreturn __attribute__((used)) void thread_leave(struct labe_thread *t)
{
    l4_fpage_t objects[2] = {l4_obj_fpage(t->semaphore, 0, L4_CAP_FPAGE_RWSD),
                             l4_obj_fpage(t->thread, 0, L4_CAP_FPAGE_RWSD)};

    if (t->stack_size != 0)
        labe_sys_munmap((const long[6]){(long)t->stack_base, (long)t->stack_size});
    labe_lock_take(&lock);
    list_remove(&live, t);
    list_add(&dying, t);
    labe_lock_give(&lock);
    exit_futex_clear(t->exit_futex); /* I3 */
    for (;;) { /* may not return here */
        l4_task_unmap_batch(L4RE_THIS_TASK_CAP, objects, 2, L4_FP_DELETE_OBJ);
        l4_ipc_sleep(L4_IPC_NEVER);
    }
}

_Noreturn void labe_thread_exit(void *base, size_t size)
{
    struct labe_thread *self = labe_thread_self();

    if (self == NULL || self == &main_thread) {
        if (self != NULL)
            exit_futex_clear(self->exit_futex);
        for (;;)
            l4_ipc_sleep(L4_IPC_NEVER);
    }
    self->stack_base = base;
    self->stack_size = size;
    __asm__ volatile("mov %0, %%rsp\n"
                     "xor %%ebp, %%ebp\n"
                     "call %P2\n"
                     :
                     : "r"((uintptr_t)self + DESCRIPTOR_SIZE), "D"(self), "i"(thread_leave)
                     : "memory");
    __builtin_unreachable();
}

long labe_sys_exit(const long *a)
{
    (void)a;
    labe_thread_exit(NULL, 0);
}

/* ---- priorities ---- */

#define POLICY_L4 20 /* SCHED_L4 of <pthread-l4.h>: the kernel's own priorities, 1..255 */

/* POSIX knows 1..99; they lie above the ordinary priority of programs. */
static long priority_of(long policy, const struct sched_param *p, unsigned *priority)
{
    switch (policy) {
    case SCHED_OTHER:
    case SCHED_BATCH:
        *priority = L4RE_MAIN_THREAD_PRIO;
        return p->sched_priority == 0 ? 0 : -EINVAL;
    case SCHED_IDLE:
        *priority = 1;
        return p->sched_priority == 0 ? 0 : -EINVAL;
    case SCHED_FIFO:
    case SCHED_RR:
        *priority = L4RE_MAIN_THREAD_PRIO + (unsigned)p->sched_priority;
        return p->sched_priority >= 1 && p->sched_priority <= 99 ? 0 : -EINVAL;
    case POLICY_L4:
        *priority = (unsigned)p->sched_priority;
        return p->sched_priority >= 1 && p->sched_priority <= 255 ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

static struct labe_thread *scheduled_thread(long tid)
{
    struct labe_thread *t = tid == 0 ? labe_thread_self() : labe_thread_find(tid);

    if (t == &main_thread)
        t->thread = l4re_env()->main_thread;
    return t;
}

long labe_sys_sched_setscheduler(const long *a)
{
    struct labe_thread *t = scheduled_thread(a[0]);
    unsigned priority;
    long result = priority_of(a[1], (const struct sched_param *)a[2], &priority);

    if (t == NULL || result < 0)
        return t == NULL ? -ESRCH : result;
    unsigned before = t->priority;
    t->priority = priority;
    result = thread_schedule(t);
    if (result < 0)
        t->priority = before;
    return labe_errno(result);
}

static int policy_of(const struct labe_thread *t)
{
    if (t->priority == L4RE_MAIN_THREAD_PRIO)
        return SCHED_OTHER;
    if (t->priority < L4RE_MAIN_THREAD_PRIO)
        return SCHED_IDLE;
    return t->priority > L4RE_MAIN_THREAD_PRIO + 99 ? POLICY_L4 : SCHED_RR;
}

long labe_sys_sched_setparam(const long *a)
{
    const struct labe_thread *t = scheduled_thread(a[0]);

    if (t == NULL)
        return -ESRCH;
    const long arguments[6] = {a[0], policy_of(t), a[1]};
    return labe_sys_sched_setscheduler(arguments);
}

long labe_sys_sched_getscheduler(const long *a)
{
    const struct labe_thread *t = scheduled_thread(a[0]);

    return t == NULL ? -ESRCH : policy_of(t);
}

long labe_sys_sched_getparam(const long *a)
{
    const struct labe_thread *t = scheduled_thread(a[0]);
    struct sched_param *p = (struct sched_param *)a[1];

    if (t == NULL)
        return -ESRCH;
    *p = (struct sched_param){0};
    switch (policy_of(t)) {
    case SCHED_RR:
        p->sched_priority = (int)t->priority - L4RE_MAIN_THREAD_PRIO;
        break;
    case POLICY_L4:
        p->sched_priority = (int)t->priority;
        break;
    default:
        break;
    }
    return 0;
}

long labe_sys_sched_get_priority_max(const long *a)
{
    return a[0] == POLICY_L4 ? 255 : a[0] == SCHED_FIFO || a[0] == SCHED_RR ? 99 : 0;
}

long labe_sys_sched_get_priority_min(const long *a)
{
    return a[0] == POLICY_L4 || a[0] == SCHED_FIFO || a[0] == SCHED_RR ? 1 : 0;
}

long labe_sys_sched_yield(const long *a)
{
    (void)a;
    l4_thread_yield();
    return 0;
}

/* The CPUs that there are, as a mask of the first 64; 0 if nobody tells. */
static l4_umword_t cpus_present(void)
{
    l4_umword_t cpu_max;
    l4_sched_cpu_set_t cpus = l4_sched_cpu_set(0, 0, 0);

    return l4_error(l4_scheduler_info(l4re_env()->scheduler, &cpu_max, &cpus)) < 0 ? 0 : cpus.map;
}

long labe_sys_sched_getaffinity(const long *a)
{
    const struct labe_thread *t = scheduled_thread(a[0]);
    l4_umword_t present = cpus_present();

    if (t == NULL || present == 0)
        return t == NULL ? -ESRCH : -ENOSYS;
    if ((unsigned long)a[1] < sizeof present)
        return -EINVAL;
    *(l4_umword_t *)a[2] = t->cpus != 0 ? t->cpus & present : present;
    return sizeof present;
}

long labe_sys_sched_setaffinity(const long *a)
{
    struct labe_thread *t = scheduled_thread(a[0]);
    l4_umword_t wanted = 0;

    if (t == NULL)
        return -ESRCH;
    memcpy(&wanted, (const void *)a[2], (unsigned long)a[1] < sizeof wanted ? (unsigned long)a[1] : sizeof wanted);
    if ((wanted & cpus_present()) == 0)
        return -EINVAL;
    l4_umword_t before = t->cpus;
    t->cpus = wanted;
    long result = thread_schedule(t);
    if (result < 0)
        t->cpus = before;
    return labe_errno(result);
}
