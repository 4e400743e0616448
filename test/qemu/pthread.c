/* SPDX-License-Identifier: MIT */
/* POSIX threads on kernel threads: each mechanism once, then many threads at once and one after the other. */
#define _GNU_SOURCE
#include <errno.h>
#include <l4/re/env.h>
#include <l4/sys/utcb.h>
#include <pthread-l4.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#include <tap.h>

#define MANY 24
#define SLOTS 8192

static __thread int local_value = 7;

static struct timespec from_now(clockid_t clock, long ms)
{
    struct timespec t;

    clock_gettime(clock, &t);
    t.tv_nsec += ms % 1000 * 1000000;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* ---- one thread ---- */

static void *square(void *arg)
{
    return (void *)((uintptr_t)arg * (uintptr_t)arg);
}

static void *identity(void *arg)
{
    uintptr_t *out = arg;

    out[0] = (uintptr_t)l4_utcb();
    out[1] = (uintptr_t)local_value;
    local_value = 8;
    errno = EXDEV;
    out[2] = (uintptr_t)pthread_self();
    out[3] = pthread_l4_cap(pthread_self());
    return NULL;
}

static void single_tests(void)
{
    pthread_t t;
    void *result;
    uintptr_t seen[4];

    is(pthread_create(&t, NULL, square, (void *)12), 0, "pthread_create");
    is(pthread_join(t, &result), 0, "pthread_join");
    is((uintptr_t)result, 144, "brings the result");
    errno = 0;
    local_value = 9;
    pthread_create(&t, NULL, identity, seen);
    pthread_join(t, NULL);
    ok(seen[0] != (uintptr_t)l4_utcb() && (seen[0] - (uintptr_t)l4_utcb()) % 1024 == 0, "it has a UTCB of its own");
    is(seen[1], 7, "its thread-local variables start as they are written");
    ok(local_value == 9 && errno == 0, "ours stay as they were");
    ok(pthread_equal(t, (pthread_t)seen[2]), "it knows who it is");
    ok(l4_is_valid_cap(seen[3]) && seen[3] != l4re_env()->main_thread, "and has a capability of its own");
    ok(pthread_l4_cap(pthread_self()) == l4re_env()->main_thread && pthread_l4_utcb(pthread_self()) == l4_utcb(),
       "as has the main thread");
}

/* ---- mutex ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile long counter;

static void *count_up(void *arg)
{
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&mutex);
        long seen = counter;
        if (i % 50 == 0)
            sched_yield();
        counter = seen + 1;
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void *hold(void *arg)
{
    pthread_mutex_lock(&mutex);
    sem_post(arg);
    usleep(60000);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void mutex_tests(void)
{
    pthread_t t[MANY];
    int made = 0;
    sem_t held;

    while (made < MANY && pthread_create(&t[made], NULL, count_up, NULL) == 0)
        made++;
    is(made, MANY, "24 threads at once");
    for (int i = 0; i < made; i++)
        pthread_join(t[i], NULL);
    is(counter, 500 * MANY, "a mutex: no count is lost");

    sem_init(&held, 0, 0);
    pthread_create(&t[0], NULL, hold, &held);
    sem_wait(&held);
    is(pthread_mutex_trylock(&mutex), EBUSY, "trylock of a held mutex: EBUSY");
    struct timespec soon = from_now(CLOCK_REALTIME, 10);
    is(pthread_mutex_timedlock(&mutex, &soon), ETIMEDOUT, "timedlock: ETIMEDOUT");
    is(pthread_mutex_lock(&mutex), 0, "lock: waits until it is free");
    pthread_mutex_unlock(&mutex);
    pthread_join(t[0], NULL);

    pthread_mutexattr_t a;
    pthread_mutex_t m;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&m, &a);
    pthread_mutex_lock(&m);
    is(pthread_mutex_lock(&m), EDEADLK, "an error-checking mutex: EDEADLK");
    pthread_mutex_unlock(&m);
    is(pthread_mutex_unlock(&m), EPERM, "and EPERM");
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&m, &a);
    ok(pthread_mutex_lock(&m) == 0 && pthread_mutex_lock(&m) == 0, "a recursive mutex: twice");
    ok(pthread_mutex_unlock(&m) == 0 && pthread_mutex_unlock(&m) == 0, "and back");
}

/* ---- condition, semaphore, barrier, reader-writer lock ---- */

static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn, waiting, released;

static void *play(void *arg)
{
    int me = (int)(uintptr_t)arg;

    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % 2 != me)
            pthread_cond_wait(&condition, &mutex);
        turn++;
        pthread_cond_signal(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *wait_for_release(void *arg)
{
    pthread_mutex_lock(&mutex);
    waiting++;
    while (!released)
        pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void condition_tests(void)
{
    pthread_t a, b, t[8];

    pthread_create(&a, NULL, play, (void *)0);
    pthread_create(&b, NULL, play, (void *)1);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    is(turn, 200, "a condition: two threads take turns");

    for (int i = 0; i < 8; i++)
        pthread_create(&t[i], NULL, wait_for_release, NULL);
    for (int all = 0; !all; usleep(1000)) {
        pthread_mutex_lock(&mutex);
        all = waiting == 8;
        pthread_mutex_unlock(&mutex);
    }
    pthread_mutex_lock(&mutex);
    released = 1;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    ok(1, "a broadcast wakes all eight");

    pthread_mutex_lock(&mutex);
    struct timespec soon = from_now(CLOCK_REALTIME, 20);
    is(pthread_cond_timedwait(&condition, &mutex, &soon), ETIMEDOUT, "cond_timedwait: ETIMEDOUT");
    pthread_mutex_unlock(&mutex);
}

static sem_t items, room;
static int ring[4];

static void *produce(void *arg)
{
    for (int i = 1; i <= 200; i++) {
        sem_wait(&room);
        ring[i % 4] = i;
        sem_post(&items);
    }
    return arg;
}

static pthread_barrier_t barrier;
static atomic_int arrived, early, serial;

static void *meet(void *arg)
{
    for (int round = 1; round <= 10; round++) {
        atomic_fetch_add(&arrived, 1);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&serial, 1);
        if (atomic_load(&arrived) < round * 4)
            atomic_store(&early, 1);
        pthread_barrier_wait(&barrier);
    }
    return arg;
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int pair[2], torn;

static void *read_pair(void *arg)
{
    for (int i = 0; i < 200; i++) {
        pthread_rwlock_rdlock(&rwlock);
        if (pair[0] != pair[1])
            torn = 1;
        pthread_rwlock_unlock(&rwlock);
        sched_yield();
    }
    return arg;
}

static void *write_pair(void *arg)
{
    for (int i = 0; i < 200; i++) {
        pthread_rwlock_wrlock(&rwlock);
        pair[0]++;
        sched_yield();
        pair[1]++;
        pthread_rwlock_unlock(&rwlock);
    }
    return arg;
}

static void other_tests(void)
{
    pthread_t t[4];
    int sum = 0;

    sem_init(&items, 0, 0);
    sem_init(&room, 0, 4);
    pthread_create(&t[0], NULL, produce, NULL);
    for (int i = 1; i <= 200; i++) {
        sem_wait(&items);
        sum += ring[i % 4];
        sem_post(&room);
    }
    pthread_join(t[0], NULL);
    is(sum, 200 * 201 / 2, "semaphores: a ring between producer and consumer");
    struct timespec soon = from_now(CLOCK_REALTIME, 10);
    ok(sem_timedwait(&items, &soon) == -1 && errno == ETIMEDOUT, "sem_timedwait: ETIMEDOUT");

    pthread_barrier_init(&barrier, NULL, 4);
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, meet, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    ok(early == 0 && arrived == 40 && serial == 10, "a barrier: nobody passes early");

    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, i < 2 ? read_pair : write_pair, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    ok(torn == 0 && pair[0] == 400 && pair[1] == 400, "a reader-writer lock");
}

/* ---- once, keys, C11 threads ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int once_count, destroyed;
static pthread_key_t key;

static void run_once(void)
{
    usleep(5000);
    atomic_fetch_add(&once_count, 1);
}

static void destroy(void *value)
{
    atomic_fetch_add(&destroyed, (int)(uintptr_t)value);
}

static void *use_key(void *arg)
{
    pthread_once(&once, run_once);
    pthread_setspecific(key, arg);
    return pthread_getspecific(key);
}

static int c11_thread(void *arg)
{
    return *(int *)arg + 1;
}

static void key_tests(void)
{
    pthread_t t[4];
    thrd_t c11;
    int result = 0, input = 41;

    pthread_key_create(&key, destroy);
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, use_key, (void *)(uintptr_t)(i + 1));
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    is(once_count, 1, "pthread_once: once");
    is(destroyed, 10, "keys: every thread's destructor has run");
    ok(thrd_create(&c11, c11_thread, &input) == thrd_success && thrd_join(c11, &result) == thrd_success && result == 42,
       "C11 threads");
}

/* ---- detached threads, many in a row, cancellation, priorities ---- */

static sem_t gone;

static void *detached(void *arg)
{
    sem_post(&gone);
    return arg;
}

static void *note_slot(void *arg)
{
    char *used = arg;

    used[(pthread_l4_cap(pthread_self()) >> L4_CAP_SHIFT) % SLOTS] = 1;
    return NULL;
}

static void row_tests(void)
{
    pthread_attr_t a;
    pthread_t t;
    static char used[SLOTS];
    int made = 0, slots = 0;

    sem_init(&gone, 0, 0);
    pthread_attr_init(&a);
    pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 100; i++) {
        made += pthread_create(&t, &a, detached, NULL) == 0;
        sem_wait(&gone);
    }
    is(made, 100, "100 detached threads");

    usleep(20000);
    for (int i = 0; i < 300; i++) {
        if (pthread_create(&t, NULL, note_slot, used) != 0)
            break;
        pthread_join(t, NULL);
        made++;
    }
    for (int i = 0; i < SLOTS; i++)
        slots += used[i];
    is(made, 400, "300 threads one after the other");
    /* Those of threads that ended before are used again; some may still be leaving when the next one starts. */
    ok(slots <= MANY + 8, "use the same few capability slots");
}

static void *sleeper(void *arg)
{
    sem_post(arg);
    while (sleep(1000) == 0)
        ;
    return NULL;
}

static void *waiter_on_semaphore(void *arg)
{
    sem_t never;

    sem_init(&never, 0, 0);
    sem_post(arg);
    sem_wait(&never);
    return NULL;
}

static atomic_int cleaned;

static void clean_up(void *arg)
{
    cleaned += *(int *)arg;
}

static void *cancel_later(void *arg)
{
    int value = 5;

    pthread_cleanup_push(clean_up, &value);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    sem_post(arg);
    usleep(30000);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel_tests(void)
{
    void *(*const functions[])(void *) = {sleeper, waiter_on_semaphore, cancel_later};
    static const char *const names[] = {"cancel a sleeping thread", "cancel one that waits at a semaphore",
                                        "cancel one that does not want it yet"};
    pthread_t t;
    void *result;
    sem_t started;

    sem_init(&started, 0, 0);
    for (int i = 0; i < 3; i++) {
        result = NULL;
        pthread_create(&t, NULL, functions[i], &started);
        sem_wait(&started);
        usleep(5000);
        pthread_cancel(t);
        pthread_join(t, &result);
        ok(result == PTHREAD_CANCELED, names[i]);
    }
    is(cleaned, 5, "its clean-up handler has run");
    pthread_create(&t, NULL, sleeper, &started);
    struct timespec soon = from_now(CLOCK_REALTIME, 20);
    is(pthread_timedjoin_np(t, NULL, &soon), ETIMEDOUT, "timedjoin: ETIMEDOUT");
    pthread_cancel(t);
    pthread_join(t, NULL);
}

static atomic_int order;

static void *high(void *arg)
{
    *(int *)arg = ++order;
    return NULL;
}

#define DEEP (1900ul << 10)

static void *deep(void *arg)
{
    volatile char much[DEEP];

    (void)arg;
    much[0] = 1;
    much[DEEP - 1] = 2;
    return (void *)(uintptr_t)(much[0] + much[DEEP - 1]);
}

static void stack_tests(void)
{
    pthread_attr_t a;
    pthread_t t;
    size_t size = 0;
    void *sum = NULL;

    pthread_attr_init(&a);
    is(pthread_attr_getstacksize(&a, &size), 0, "the size of a stack");
    is(size, 0x1ff000, "is 2 MiB less a page, where nothing else was asked for");
    is(pthread_create(&t, NULL, deep, NULL), 0, "a thread with a large array");
    pthread_join(t, &sum);
    is((uintptr_t)sum, 3, "has room for it");
}

static void priority_tests(void)
{
    pthread_attr_t a;
    pthread_t t;
    struct sched_param p = {.sched_priority = 10};
    int policy, position = 0;

    pthread_attr_init(&a);
    pthread_attr_setinheritsched(&a, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&a, SCHED_RR);
    pthread_attr_setschedparam(&a, &p);
    is(pthread_create(&t, &a, high, &position), 0, "a thread of higher priority");
    int mine = ++order;
    pthread_join(t, NULL);
    ok(position == 1 && mine == 2, "runs before its creator goes on");
    p.sched_priority = 100;
    is(pthread_setschedparam(pthread_self(), SCHED_RR, &p), EINVAL, "priority 100: EINVAL");
    p.sched_priority = 20;
    is(pthread_setschedparam(pthread_self(), SCHED_RR, &p), 0, "the own priority can be raised");
    ok(pthread_getschedparam(pthread_self(), &policy, &p) == 0 && policy == SCHED_RR && p.sched_priority == 20,
       "and is known");
    p.sched_priority = 0;
    is(pthread_setschedparam(pthread_self(), SCHED_OTHER, &p), 0, "and lowered again");
}

int main(void)
{
    single_tests();
    mutex_tests();
    condition_tests();
    other_tests();
    key_tests();
    row_tests();
    cancel_tests();
    stack_tests();
    priority_tests();
    return tap_done();
}
