/* SPDX-License-Identifier: MIT */
/*
 * musl on our system-call layer: memory, text, files, time, signals, and that a C function leaves the message registers
 * alone. libc.lua starts it. How programs end: test/libc/end.t.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <l4/re/env.h>
#include <l4/sys/utcb.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <tap.h>

static __thread int thread_local_value = 42;
static int constructed;

__attribute__((constructor)) static void construct(void)
{
    constructed = 1;
}

/* ---- memory ---- */

static void memory_tests(void)
{
    enum { BLOCKS = 200 };
    static unsigned char *block[BLOCKS];
    int good = 1;

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            size_t size = 1 + (i * 7919u + round * 104729u) % 20000u;
            block[i] = realloc(block[i], size);
            good = good && block[i] != NULL;
            memset(block[i], (int)i, size);
        }
        for (unsigned i = round; i < BLOCKS; i += 3) {
            good = good && block[i][0] == (unsigned char)i;
            free(block[i]);
            block[i] = NULL;
        }
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        free(block[i]);
    ok(good, "malloc, realloc, free: 200 blocks of many sizes keep their contents");

    char *zero = calloc(300, 1000);
    size_t sum = 0;
    for (size_t i = 0; zero != NULL && i < 300000; i++)
        sum += (unsigned char)zero[i];
    ok(zero != NULL && sum == 0, "calloc: 300 kB of zeroes");
    free(zero);
    ok(((uintptr_t)aligned_alloc(4096, 8192) & 4095) == 0, "aligned_alloc: a page boundary");
    errno = 0;
    void *volatile much = malloc(SIZE_MAX / 4);
    ok(much == NULL && errno == ENOMEM, "malloc of a quarter of everything: ENOMEM");
}

static void mapping_tests(void)
{
    char *p = mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ok(p != MAP_FAILED && p[0] == 0 && p[0xffff] == 0, "mmap: zeroed memory");
    memset(p, 1, 0x10000);
    is(munmap(p + 0x4000, 0x4000), 0, "munmap of pages in the middle");
    ok(p[0x3fff] == 1 && p[0x8000] == 1, "the rest stays");
    is(munmap(p, 0x10000), 0, "munmap of what is left, holes and all");
    char *again = mmap(p, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ok(again == p && p[0] == 0, "MAP_FIXED: the same place, zeroed");
    again = mmap(p + 0x1000, 0x1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ok(again == p + 0x1000 && p[0x1000] == 0, "MAP_FIXED replaces what is there");
    munmap(p, 0x10000);

    p = mmap(NULL, 0x8000, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ok(p != MAP_FAILED, "mmap PROT_NONE: addresses without memory");
    is(mprotect(p + 0x1000, 0x2000, PROT_READ | PROT_WRITE), 0, "mprotect makes memory of some");
    is(mprotect(p + 0x4000, 0x1000, PROT_READ | PROT_WRITE), 0, "and of some more");
    p[0x1000] = p[0x2fff] = p[0x4000] = 5;
    is(mprotect(p, 0x8000, PROT_READ | PROT_WRITE), 0, "and of all the rest, around what is there");
    p[0] = p[0x3000] = p[0x7fff] = 6;
    ok(p[0x1000] == 5 && p[0x4000] == 5, "which keeps its contents");
    is(munmap(p, 0x8000), 0, "munmap of it all");
    errno = 0;
    ok(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL,
       "mmap of nothing: EINVAL");
    errno = 0;
    ok(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 17, 0) == MAP_FAILED && errno == EBADF, "mmap of no file: EBADF");
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[5] = 7;
    ok(mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, 17, 0) == MAP_FAILED, "nor over what is there");
    ok(p[5] == 7 && munmap(p, 4096) == 0, "which stays");
    ok(sbrk(0) == NULL || sbrk(4096) == (void *)-1, "there is no heap end to move");
}

/* ---- text ---- */

static void text_tests(void)
{
    char text[128], word[16];
    int number;
    double real;

    snprintf(text, sizeof text, "%5d|%-5s|%#lx|%.3f|%c|%%|%e", -42, "ab", 0xdeadbeeful, 3.14159, 'x', 12345.678);
    ok(strcmp(text, "  -42|ab   |0xdeadbeef|3.142|x|%|1.234568e+04") == 0, "snprintf");
    is(sscanf("hello 17 2.5", "%15s %d %lf", word, &number, &real), 3, "sscanf finds three things");
    ok(strcmp(word, "hello") == 0 && number == 17 && real == 2.5, "and reads them");
    is(strtol("-0x1f", NULL, 0), -31, "strtol");
    errno = 0;
    ok(strtoul("99999999999999999999", NULL, 10) == ULONG_MAX && errno == ERANGE, "strtoul: ERANGE");
    ok(strcmp(strerror(ENOENT), "No such file or directory") == 0, "strerror");
    ok(isatty(1) && isatty(0), "standard input and output are terminals");
    struct winsize w;
    ok(ioctl(1, TIOCGWINSZ, &w) == 0 && w.ws_col == 80, "of 80 columns");
}

/* ---- files ---- */

static void file_tests(void)
{
    unsigned char magic[16];
    struct stat s;
    int fd = open("rom/libc", O_RDONLY);

    ok(fd > 2, "open: the own binary");
    ok(read(fd, magic, 4) == 4 && memcmp(magic, "\177ELF", 4) == 0, "read: an ELF file");
    is(lseek(fd, 0, SEEK_CUR), 4, "four bytes further");
    ok(fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size > 4096, "fstat: a file of some size");
    is(lseek(fd, -1, SEEK_END), s.st_size - 1, "lseek to its last byte");
    is(read(fd, magic, sizeof magic), 1, "of which there is one");
    is(read(fd, magic, sizeof magic), 0, "then its end");
    is(pread(fd, magic, 4, 1), 4, "pread");
    ok(magic[0] == 'E' && lseek(fd, 0, SEEK_CUR) == s.st_size, "reads elsewhere and stays");
    errno = 0;
    ok(write(fd, "x", 1) == -1 && errno == EBADF, "write: not opened for it");
    unsigned char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    ok(p != MAP_FAILED && p[1] == 'E', "mmap of a file");
    unsigned char *q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    ok(q != MAP_FAILED && (q[1] = 'F') == 'F' && p[1] == 'E', "and of a private copy");
    int other = dup(fd);
    ok(other > fd && lseek(other, 7, SEEK_SET) == 7 && lseek(fd, 0, SEEK_CUR) == 7, "dup: one file, one offset");
    is(close(fd), 0, "close");
    ok(read(other, magic, 1) == 1 && close(other) == 0, "the other one lives on");
    errno = 0;
    ok(read(fd, magic, 1) == -1 && errno == EBADF, "the closed one does not");
    ok(p != MAP_FAILED && q != MAP_FAILED && p[2] == 'L' && q[2] == 'L', "nor do the mappings go with it");
    munmap(p, 4096);
    munmap(q, 4096);

    FILE *f = fopen("rom/libc", "rb");
    ok(f != NULL && fread(magic, 1, 4, f) == 4 && fseek(f, 0, SEEK_END) == 0 && ftell(f) == s.st_size,
       "stdio reads the same file");
    if (f != NULL)
        fclose(f);
}

static int fails(int result, int expected)
{
    return result == -1 && errno == expected;
}

/* A capability that speaks the console protocol is a character device. */
static void device_tests(void)
{
    struct stat s;
    char c;
    int fd = open("/console", O_RDWR);

    ok(fd > 2, "open: a console");
    ok(fstat(fd, &s) == 0 && S_ISCHR(s.st_mode), "fstat: a character device");
    ok(stat("/console", &s) == 0 && S_ISCHR(s.st_mode) && access("/console", R_OK | W_OK) == 0, "by name, too");
    is(write(fd, "# written there\n", 16), 16, "write");
    is(read(fd, &c, 1), 0, "a log has no input");
    ok(isatty(fd) && fails((int)lseek(fd, 0, SEEK_SET), ESPIPE), "a terminal without positions");
    is(close(fd), 0, "close");
    ok(fails((int)write(fd, "x", 1), EBADF) && write(1, "", 0) == 0, "that one, not the first");
    FILE *f = fopen("/console", "w");
    ok(f != NULL && fprintf(f, "# and by stdio\n") == 15 && fclose(f) == 0, "stdio writes, too");
    fd = open("/console", O_RDONLY);
    ok(fails((int)write(fd, "x", 1), EBADF), "write: not opened for it");
    close(fd);
}

/* Lists a directory into pieces of memory that hold one or two names each: not a byte behind them is touched. */
static void directory_tests(const char *path)
{
    unsigned char room[512];
    int fd = open(path, O_RDONLY | O_DIRECTORY), names = 0, entries = 0;
    long got, beyond = 0;
    DIR *d = opendir(path);

    while (d != NULL && readdir(d) != NULL)
        entries++;
    if (d != NULL)
        closedir(d);
    do {
        memset(room, 0x55, sizeof room);
        got = getdents(fd, (struct dirent *)room, 64);
        for (long at = 0; at < got; at += ((struct dirent *)(room + at))->d_reclen)
            names++;
        for (size_t i = 64; i < sizeof room; i++)
            beyond += room[i] != 0x55;
    } while (got > 0);
    is(beyond, 0, "getdents stays in its buffer");
    ok(got == 0 && names == entries && names > 0, "and lists every name");
    is(lseek(fd, 0, SEEK_SET), 0, "from the start again");
    ok(fails((int)getdents(fd, (struct dirent *)room, 16), EINVAL), "a buffer for no name: EINVAL");
    close(fd);
}

static void descriptor_tests(void)
{
    int fd = open("rom/libc", O_RDONLY), other = fcntl(fd, F_DUPFD_CLOEXEC, 20);

    ok(other >= 20 && fcntl(other, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFD) == 0, "F_DUPFD_CLOEXEC marks the new");
    ok(dup3(fd, other, 0) == other && fcntl(other, F_GETFD) == 0, "dup3 without flags does not");
    ok(dup3(fd, other, O_CLOEXEC) == other && fcntl(other, F_GETFD) == FD_CLOEXEC, "with O_CLOEXEC does");
    ok(fails(dup3(fd, fd, 0), EINVAL) && dup2(fd, fd) == fd, "to itself: dup2 only");
    ok(fails(fcntl(fd, F_DUPFD, 10000), EINVAL) && fails(dup2(fd, 10000), EBADF), "no such number");
    close(other);
    close(fd);
}

static void name_tests(void)
{
    struct stat s;
    char text[64];

    ok(fails(open("rom/nothing-here", O_RDONLY), ENOENT), "a name that is not there: ENOENT");
    ok(fails(open("nowhere/x", O_RDONLY), ENOENT), "a capability that is not there: ENOENT");
    ok(fails(open("rom/libc/x", O_RDONLY), ENOTDIR) || errno == ENOENT, "a file is no directory");
    ok(fails(open("rom/libc/", O_RDONLY), ENOTDIR), "not even with a slash: ENOTDIR");
    ok(fails(open("rom/libc", O_RDWR), EROFS), "open for writing: EROFS");
    ok(fails(open("rom/new", O_CREAT | O_WRONLY, 0644), EROFS), "a new file: EROFS");
    ok(fails(open("", O_RDONLY), ENOENT), "no name: ENOENT");
    ok(fails(unlink("rom/libc"), EROFS) && fails(mkdir("rom/x", 0755), EROFS), "unlink and mkdir: EROFS");
    ok(stat("rom", &s) == 0 && S_ISDIR(s.st_mode), "rom is a directory");
    ok(stat("/rom/./../rom/libc", &s) == 0 && S_ISREG(s.st_mode), "paths are cleaned");
    ok(access("rom/libc", R_OK) == 0 && fails(access("rom/libc", W_OK), EROFS), "access");
    ok(getcwd(text, sizeof text) != NULL && strcmp(text, "/") == 0, "getcwd: the root");
    ok(chdir("rom") == 0 && stat("libc", &s) == 0 && getcwd(text, sizeof text) && strcmp(text, "/rom") == 0, "chdir");
    ok(chdir("..") == 0 && stat("libc", &s) == -1, "and back");
    int seen_self = 0, seen_rom = 0;
    DIR *d = opendir("rom");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        seen_self += strcmp(e->d_name, "libc") == 0;
    ok(d != NULL && closedir(d) == 0 && seen_self == 1, "readdir: rom has this file once");
    d = opendir("/");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        seen_rom += strcmp(e->d_name, "rom") == 0;
    ok(d != NULL && closedir(d) == 0 && seen_rom == 1, "readdir: the root has the named capabilities");

    int fd, count = 0;
    static int open_files[100];
    while (count < 100 && (fd = open("rom/libc", O_RDONLY)) >= 0)
        open_files[count++] = fd;
    ok(count >= 40 && count < 100 && (errno == EMFILE || errno == ENFILE), "files run out with an error");
    for (int i = 0; i < count; i++)
        close(open_files[i]);
    int before = count;
    for (count = 0; count < 100 && (fd = open("rom/libc", O_RDONLY)) >= 0;)
        open_files[count++] = fd;
    is(count, before, "and are all back after close");
    for (int i = 0; i < count; i++)
        close(open_files[i]);
}

/* ---- time ---- */

static long elapsed_ms(const struct timespec *from)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

static void time_tests(void)
{
    struct timespec start, later;
    struct timeval tv;

    clock_gettime(CLOCK_MONOTONIC, &start);
    do
        clock_gettime(CLOCK_MONOTONIC, &later);
    while (later.tv_sec == start.tv_sec && later.tv_nsec == start.tv_nsec);
    ok(later.tv_sec > start.tv_sec || later.tv_nsec > start.tv_nsec, "the clock goes on");
    clock_gettime(CLOCK_MONOTONIC, &start);
    is(usleep(50000), 0, "usleep");
    long ms = elapsed_ms(&start);
    ok(ms >= 50 && ms < 1000, "takes its time");
    clock_gettime(CLOCK_MONOTONIC, &start);
    later = start;
    later.tv_nsec += 30000000;
    if (later.tv_nsec >= 1000000000) {
        later.tv_sec++;
        later.tv_nsec -= 1000000000;
    }
    is(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &later, NULL), 0, "clock_nanosleep until");
    ok(elapsed_ms(&start) >= 29, "waits until then");
    errno = 0;
    ok(nanosleep(&(struct timespec){0, 1000000000}, NULL) == -1 && errno == EINVAL, "nanosleep of a bad time: EINVAL");
    ok(gettimeofday(&tv, NULL) == 0 && time(NULL) - tv.tv_sec <= 1, "gettimeofday and time agree");
    ok(clock_gettime(99, &start) == -1 && errno == EINVAL, "an unknown clock: EINVAL");
    ok(clock() != (clock_t)-1, "clock");
}

/* ---- process ---- */

static volatile sig_atomic_t signals;
static sigjmp_buf back;
static volatile int *volatile nowhere; /* the compiler shall not know that it is null */

static void count_signal(int n)
{
    signals += n;
}

static void jump_back(int n)
{
    siglongjmp(back, n);
}

static void process_tests(void)
{
    struct utsname u;
    sigset_t set, old;

    ok(getpid() > 0 && getuid() == 0, "process and user have numbers");
    ok(uname(&u) == 0 && strcmp(u.sysname, "Labe") == 0, "uname");
    is(fork(), -1, "fork is not there");
    is(errno, ENOSYS, "and says so");
    ok(sysconf(_SC_PAGESIZE) == 4096 && sysconf(_SC_NPROCESSORS_ONLN) >= 1, "sysconf");
    signal(SIGUSR1, count_signal);
    raise(SIGUSR1);
    is(signals, SIGUSR1, "raise calls the handler");
    kill(getpid(), SIGUSR1);
    is(signals, 2 * SIGUSR1, "kill does, too");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    is(signals, 2 * SIGUSR1, "a blocked signal waits");
    sigprocmask(SIG_SETMASK, &old, NULL);
    is(signals, 3 * SIGUSR1, "until it is not blocked any more");
    signal(SIGUSR1, SIG_IGN);
    is(raise(SIGUSR1), 0, "an ignored one does nothing");
    signal(SIGSEGV, jump_back);
    if (sigsetjmp(back, 1) == 0)
        *nowhere = 1;
    else
        signals = 0;
    is(signals, 0, "a handler for a fault can jump out of it");
    signal(SIGSEGV, SIG_DFL);
    ok(getenv("COLOUR") != NULL && strcmp(getenv("COLOUR"), "blue") == 0, "the environment of the script");
}

static void message_tests(void)
{
    l4_umword_t before[L4_UTCB_GENERIC_DATA_SIZE];
    l4_buf_regs_t buffers;

    for (unsigned i = 0; i < L4_UTCB_GENERIC_DATA_SIZE; i++)
        l4_utcb_mr()->mr[i] = 0x1000 + i;
    l4_utcb_br()->bdr = 0x10;
    for (unsigned i = 0; i < L4_UTCB_GENERIC_BUFFERS_SIZE; i++)
        l4_utcb_br()->br[i] = 0x2000 + i;
    memcpy(before, l4_utcb_mr()->mr, sizeof before);
    buffers = *l4_utcb_br();
    printf("# a line between two messages\n");
    void *volatile p = malloc(1000000);
    usleep(1000);
    close(open("rom/libc", O_RDONLY));
    free(p);
    int same = memcmp(before, l4_utcb_mr()->mr, sizeof before) == 0;
    int same_buffers = memcmp(&buffers, l4_utcb_br(), sizeof buffers) == 0;
    l4_utcb_br()->bdr = 0;
    l4_utcb_br()->br[0] = 0;
    ok(same, "printf, malloc, usleep and open leave the message registers alone");
    ok(same_buffers, "and the buffer registers");
}

int main(int argc, char **argv)
{
    ok(constructed == 1 && thread_local_value == 42, "constructors have run, thread-local variables are there");
    ok(argc == 3 && strcmp(argv[0], "rom/libc") == 0 && strcmp(argv[1], "first") == 0 && strcmp(argv[2], "second") == 0,
       "arguments of the script");
    memory_tests();
    mapping_tests();
    text_tests();
    file_tests();
    device_tests();
    name_tests();
    directory_tests("rom");
    directory_tests("/");
    descriptor_tests();
    time_tests();
    process_tests();
    message_tests();
    return tap_done();
}
