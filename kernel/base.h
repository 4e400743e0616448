/* SPDX-License-Identifier: MIT */
/*
 * Small things every kernel file uses: doubts, bits, intrusive lists.
 *
 * Three words for three kinds of doubt. User input is never asserted.
 *   kassert(x)  we can argue that x holds; checked in debug builds and on arch/host.
 *   knever(x)   we believe that x is false; stops a debug build, and is survived by a release build.
 *   kpanic(m)   nothing sensible can follow.
 * A status is 0 or a negated L4_ERR_* number; results leave through pointers.
 */
#pragma once
#include <l4/errors.h>
#include <l4/kip.h>
#include <l4/msg.h>
#include <l4/proto.h>
#include <l4/types.h>
#include <l4/utcb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int status_t;
#define OK 0

_Noreturn void kpanic(const char *what, const char *file, int line);

#ifdef DEBUG
#define kassert(x) ((x) ? (void)0 : kpanic("assertion failed: " #x, __FILE__, __LINE__))
#define knever(x) ((x) ? (kpanic("never: " #x, __FILE__, __LINE__), true) : false)
#else
#define kassert(x) ((void)sizeof((x) ? 1 : 0))
#define knever(x) __builtin_expect(!!(x), 0)
#endif

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define cold_path __attribute__((noinline, cold)) /* keeps its registers out of the caller */
/* Runs at boot only; its memory is given to the users then. Nothing else may refer to it: kernel.ld checks that. */
#define boot_code __attribute__((section(".boot.text"), cold))
#define boot_const __attribute__((section(".boot.rodata"))) /* constants of boot_code */
#define hot_path static inline __attribute__((always_inline))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

void *memset(void *to, int byte, size_t n);
void *memcpy(void *restrict to, const void *restrict from, size_t n);

/* ---- intrusive doubly linked ring; a head or an unlinked node points to itself ---- */
struct list {
    struct list *next, *prev;
};
static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }
static inline void list_insert_after(struct list *at, struct list *node)
{
    node->prev = at;
    node->next = at->next;
    at->next->prev = node;
    at->next = node;
}
static inline void list_push_front(struct list *head, struct list *node) { list_insert_after(head, node); }
static inline void list_push_back(struct list *head, struct list *node) { list_insert_after(head->prev, node); }
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = node;
}
#define list_first(head, type, member) container_of((head)->next, type, member)
