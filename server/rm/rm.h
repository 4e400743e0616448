/* SPDX-License-Identifier: MIT */
/*
 * The in-task service: first program of every task, pager and exception handler of all its other threads.
 *
 *   start.c    entry, what the creator left on the stack, the order of start-up
 *   load.c     the application: file, segments, stack, first thread
 *   space.c    the region map of this task and its mirror in the outer region map
 *   fault.c    page faults: from address to page
 *   cow.c      private regions: copy on write
 *   serve.c    the message loop: who may ask what
 *   service.c  operations of the region-map and Itas interfaces
 *   thread.c   the application's threads and what they registered
 *   timer.c    the interval timer
 *   signal.c   exceptions and signals: actions, frames, the last words of a program
 *   call.c     requests to other servers
 *   pool.c     memory and capability slots of this program
 *   log.c      lines of text
 *
 * One thread runs all this. It must not fault on memory that it does not know: pages of the application are
 * touched only after fault_resolve() said that they are there.
 */
#pragma once
#include "rpc.h"
#include <stdbool.h>
#include <l4/sys/factory.h>
#include <l4/sys/scheduler.h>
#include <l4/sys/task.h>
#include <l4/sys/thread.h>
#include <loader/stack.h>
#include <loader/text.h>
#include <region/region.h>

#define PROTO_DATASPACE 0x4000
#define PROTO_NAMESPACE 0x4001
#define PROTO_PARENT 0x4002
#define PROTO_RM 0x4005
#define PROTO_ITAS 0x400a
#define PROTO_DEBUG (-0x8000)

#define CAP_NONE L4_INVALID_CAP
#define EXIT_LOAD_FAILED 70
#define PRIO_APPLICATION 2
#define PRIO_SERVICE 255

/* What the creator handed over (start.c). */
struct startup {
    int argc;
    char **argv, **envp;
    struct start_env *env;
    struct start_aux *aux;
    l4_addr_t kip;
};
extern struct startup startup;
static inline const char *program_name(void) { return (const char *)startup.aux->binary; }

/* ---- pool.c ---- */
#define SLOTS_OWN 1024u /* capability slots that the application does not get */
void *pool_take(size_t size); /* zeroed, or a null pointer */
void pool_give(void *p, size_t size);
void slots_init(l4_umword_t first);
l4_cap_idx_t slot_take(void); /* CAP_NONE when there is none */
void slot_give(l4_cap_idx_t slot); /* empties it, too */
void slot_give_deleted(l4_cap_idx_t slot); /* the object goes with it */

bool pool_pages_own(l4_addr_t start, l4_addr_t end, unsigned access); /* there from now on; false: no memory */
#define PRIVATE_RANGE 0x72000000ul /* where addresses for memory of our own are searched */

/* ---- log.c ---- */
void say(const char *format, ...) __attribute__((format(printf, 1, 2))); /* conversions of loader/text.h */
void die(int code, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
void leave(long code) __attribute__((noreturn)); /* tells the parent; never returns */

/* ---- call.c ---- */
long ds_info(l4_cap_idx_t ds, l4_umword_t *size);
long ds_map(l4_cap_idx_t ds, l4_umword_t offset, l4_addr_t at, l4_addr_t min, l4_addr_t max, unsigned rights,
            unsigned *order);
long ds_copy_in(l4_cap_idx_t ds, l4_umword_t to, l4_cap_idx_t source, l4_umword_t from, l4_umword_t size);
long ds_create(l4_cap_idx_t slot, l4_umword_t size, l4_umword_t flags);
long outer_attach(l4_addr_t at, l4_umword_t size, uint32_t flags, l4_cap_idx_t ds, l4_umword_t offset);
long outer_detach(l4_addr_t at, l4_umword_t size);
long outer_fault(l4_addr_t address_and_access, l4_addr_t ip);
long outer_list(int opcode, l4_addr_t from, void *records); /* room for 21 of 24 bytes; the count */
long outer_name(l4_addr_t address, char name[REGION_NAME_LEN + 1]);
long file_open(const char *path, l4_cap_idx_t slot, const char **problem); /* 0, or negative with a text */
void range_unmap(l4_addr_t start, l4_addr_t end);

/* ---- space.c ---- */
extern struct region_map space;

/* A dataspace that our own outer map does not know; the counted reference of one or more regions. */
struct source {
    unsigned references;
    l4_cap_idx_t slot;
    struct cow *cow; /* set when the region is private */
};

struct attach_request {
    l4_addr_t start;
    l4_umword_t size;
    uint32_t flags;
    l4_cap_idx_t ds;     /* our own selector of it, or CAP_NONE */
    l4_umword_t offset;
    unsigned align;
    l4_umword_t client_ref, backing;
    const char *name;
    size_t name_length;
};
void space_init(void);
long space_attach(struct attach_request *a); /* a->start is the result */
long space_detach(l4_addr_t addr, l4_umword_t size, uint32_t flags, l4_addr_t *start, l4_umword_t *length,
                  l4_umword_t *ref);
long space_reserve(l4_addr_t *start, l4_umword_t size, uint32_t flags, unsigned align);
long space_free_area(l4_addr_t addr);
long space_chunk(l4_addr_t *start, l4_umword_t size); /* memory for the pool */
void space_dump(void);
extern l4_addr_t signal_return_address; /* in a page that stays empty */

/* ---- fault.c ---- */
#define ACCESS_WRITE L4_PF_WRITE
#define ACCESS_FETCH L4_PF_FETCH
long fault_resolve(l4_addr_t addr, unsigned access, l4_addr_t ip); /* 0, or negative */
const char *fault_reason(l4_addr_t addr, unsigned access);
int user_read(void *to, l4_addr_t from, size_t size);  /* 0 when all was there */
int user_write(l4_addr_t to, const void *from, size_t size);

/* ---- cow.c ---- */
struct cow *cow_create(l4_umword_t offset, l4_umword_t size);
void cow_destroy(struct cow *c);
long cow_resolve(struct cow *c, const struct region *r, l4_cap_idx_t original, l4_addr_t addr, unsigned access);

/* ---- load.c ---- */
void application_load(void); /* dies when it cannot */
void application_start(void);

/* ---- thread.c ---- */
struct thread;
extern l4_cap_idx_t rm_gate, itas_gate, main_thread_slot;
#define LABEL_RM 0x10ul
#define LABEL_ITAS 0x20ul
long gate_create(l4_cap_idx_t slot, l4_umword_t label);
bool gate_is_ours(l4_cap_idx_t slot);
/* Registers the thread behind `slot`: binds it to this task and `utcb`, with a gate of its own as pager and handler. */
long thread_register(l4_cap_idx_t slot, l4_addr_t utcb, struct thread **out);
long thread_unregister(l4_cap_idx_t slot);
struct thread *thread_find(l4_cap_idx_t slot);
struct thread *thread_of_label(l4_umword_t label);

/* ---- serve.c ---- */
#define NO_REPLY (-L4_ENOREPLY)
#define FPU_STATE_SIZE 512u
extern unsigned char fpu_state[FPU_STATE_SIZE]; /* of the thread whose exception is being handled */
void serve(void) __attribute__((noreturn));
long arg_cap(struct rpc *in, unsigned item, l4_cap_idx_t *cap); /* an argument that names a slot of this task */

/* ---- service.c ---- */
long service_rm(struct rpc *in, struct rpc *out);
long service_itas(struct rpc *in, struct rpc *out);
long service_meta(struct rpc *in, struct rpc *out, l4_umword_t label);
long service_debug(struct rpc *in);
long service_fault(struct rpc *in, struct rpc *out);
long service_io_fault(struct rpc *in);

/* ---- signal.c ---- */
long exception(struct rpc *in, struct rpc *out, struct thread *t);
