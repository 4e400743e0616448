/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share. Everything below the line "musl calls" is reached through labe_syscall
 * (syscall.c) alone; a handler gets the six argument words, answers a value >= 0 or a negative errno, and never
 * touches errno or thread-local variables (it may run on the stack of a thread whose TLS is gone).
 */
#pragma once
#include "path.h"
#include <l4/re/env.h>
#include <l4/sys/types.h>
#include <l4/sys/utcb.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

typedef long labe_handler(const long *a);

/* ---- syscall.c ---- */
/* errno (negative) of a negative result of a kernel object, a server or an IPC. */
long labe_errno(long result);

/* ---- time.c ---- */
#define LABE_NEVER UINT64_MAX
uint64_t labe_clock_us(void);
/* The kernel time at which a relative timespec is over; false for a malformed one. */
int labe_deadline(const struct timespec *relative, uint64_t *deadline_us);
/* Receive timeout for that deadline, absolute: it occupies the last buffer register of the calling thread. */
l4_timeout_t labe_timeout(uint64_t deadline_us);
/* CPU time of all live threads. */
uint64_t labe_process_time_us(void);

/* ---- thread.c ---- */
struct labe_thread {
    struct labe_thread *next;  /* live, dying or free list; under the thread lock */
    l4_cap_idx_t thread;        /* tid is the number of this slot */
    l4_cap_idx_t semaphore;     /* the thread blocks here alone; a token is a hint, never a fact */
    l4_utcb_t *utcb;
    int *exit_futex;            /* set to 0 and woken when the thread has left its stack for good */
    unsigned priority;
    l4_umword_t cpus;           /* mask of the first 64, 0: wherever the scheduler likes */
    _Atomic int interrupted;    /* cancellation asked for: what blocks next, or blocks now, answers -EINTR */
    uint64_t signals_blocked;   /* by the thread itself only */
    uint64_t signals_pending;
    void *stack_base;           /* for unmapping by the thread itself: detached threads */
    size_t stack_size;
};

/* A lock that blocks instead of spinning, so that no order of priorities can stop its owner from running. */
struct labe_lock {
    _Atomic long users;
    l4_cap_idx_t semaphore; /* created before the second thread starts; without one there is nobody to wait for */
};
void labe_lock_take(struct labe_lock *l);
void labe_lock_give(struct labe_lock *l);
long labe_lock_create(struct labe_lock *l);

/* The calling thread; NULL for a thread that was not made by pthread_create. */
struct labe_thread *labe_thread_self(void);
/* The thread with that tid, or NULL. It may end any time: only its capabilities and `interrupted` may be used. */
struct labe_thread *labe_thread_find(long tid);
void labe_thread_interrupt(struct labe_thread *t);
/* Threads other than the main one exist or have existed. */
int labe_threaded(void);
/* Capability of the n-th live thread, or an invalid one. */
l4_cap_idx_t labe_thread_nth(unsigned n);

/* ---- futex.c ---- */
long labe_futex_start(void);
long labe_futex_wake(const volatile int *address, unsigned count);

/* ---- memory.c ---- */
long labe_memory_map(size_t size); /* zeroed pages: address or negative errno */
/* A dataspace from its start, read only: address or negative errno. */
long labe_memory_attach(l4_cap_idx_t ds, size_t size);
long labe_memory_unmap(long address, size_t size);

/* ---- file.c, path.c, console.c ---- */
struct iovec;
long labe_file_start(void);
/* The dataspace behind a descriptor and its size, or a negative errno. */
long labe_file_dataspace(long fd, l4_cap_idx_t *ds, uint64_t *bytes);
long labe_console_write(l4_cap_idx_t vcon, const struct iovec *v, int count);
long labe_console_read(l4_cap_idx_t vcon, const struct iovec *v, int count);
long labe_console_ioctl(l4_cap_idx_t vcon, unsigned long request, void *data);
/* Whoever waits for input looks whether it shall be cancelled. */
void labe_console_interrupt(void);

/* ---- process.c ---- */
_Noreturn void labe_process_end(int code);

/* ---- musl calls ---- */
#define LABE_HANDLERS(H) \
    H(read, 1) H(write, 1) H(readv, 1) H(writev, 1) H(pread64, 1) H(preadv, 1) H(lseek, 0) H(close, 1) H(open, 1) \
    H(openat, 1) H(creat, 1) H(fstat, 1) H(stat, 1) H(lstat, 1) H(newfstatat, 1) H(access, 1) H(faccessat, 1) \
    H(faccessat2, 1) H(readlink, 1) H(readlinkat, 1) H(getdents64, 1) H(ioctl, 1) H(fcntl, 0) H(dup, 0) H(dup2, 1) \
    H(dup3, 1) H(getcwd, 0) H(chdir, 1) H(fchdir, 0) H(pwrite64, 1) H(pwritev, 1) H(ftruncate, 0) H(fsync, 0) \
    H(fdatasync, 0) H(truncate, 1) H(unlink, 1) H(unlinkat, 1) H(rename, 1) H(renameat, 1) H(mkdir, 1) H(mkdirat, 1) \
    H(rmdir, 1) H(link, 1) H(symlink, 1) H(umask, 0) H(mmap, 1) H(munmap, 1) H(mprotect, 1) H(madvise, 0) \
    H(msync, 0) H(brk, 0) H(clone, 1) H(futex, 1) H(set_tid_address, 0) H(gettid, 0) H(exit, 1) \
    H(set_robust_list, 0) H(sched_yield, 1) H(sched_setscheduler, 1) H(sched_setparam, 1) H(sched_getscheduler, 0) \
    H(sched_getparam, 0) H(sched_get_priority_max, 0) H(sched_get_priority_min, 0) H(sched_getaffinity, 1) \
    H(sched_setaffinity, 1) H(clock_gettime, 1) H(clock_getres, 0) H(gettimeofday, 0) H(nanosleep, 1) \
    H(clock_nanosleep, 1) H(times, 0) H(exit_group, 1) H(getpid, 0) H(getppid, 0) H(getuid, 0) H(geteuid, 0) \
    H(getgid, 0) H(getegid, 0) H(getpgid, 0) H(getsid, 0) H(uname, 0) H(sysinfo, 1) H(prlimit64, 0) H(getrlimit, 0) \
    H(getrusage, 1) H(getcpu, 0) H(kill, 1) H(tkill, 1) H(tgkill, 1) H(rt_sigaction, 1) H(rt_sigprocmask, 0) \
    H(rt_sigpending, 0)

#define LABE_DECLARE(name, messages) labe_handler labe_sys_##name;
LABE_HANDLERS(LABE_DECLARE)
#undef LABE_DECLARE
