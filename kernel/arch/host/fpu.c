/* SPDX-License-Identifier: MIT */
/* FPU state is one block per thread, made at the first use and charged to the thread's factory. */
#include "factory.h"
#include "host.h"

struct fpu_state {
    word_t contents[64];
};

static struct slab fpu_slab;

void host_fpu_init(void) { slab_init(&fpu_slab, "fpu", sizeof(struct fpu_state)); }

static struct fpu_state *fpu_of(struct thread *t)
{
    if (t->arch.fpu == NULL)
        t->arch.fpu = charged_slab_alloc(t->obj.payer, &fpu_slab);
    return t->arch.fpu;
}

void host_fpu_write(struct thread *t, word_t value)
{
    struct fpu_state *s = fpu_of(t);

    if (s != NULL)
        s->contents[0] = value;
}

word_t host_fpu_read(const struct thread *t)
{
    const struct fpu_state *s = t->arch.fpu;

    return s == NULL ? 0 : s->contents[0];
}

bool arch_fpu_copies(const struct thread *from, const struct thread *to)
{
    return (from->arch.fpu == NULL) == (to->arch.fpu == NULL);
}

void arch_fpu_transfer(struct thread *from, struct thread *to)
{
    struct fpu_state *s = from->arch.fpu == NULL ? NULL : fpu_of(to);

    if (s != NULL)
        *s = *(struct fpu_state *)from->arch.fpu;
}

void arch_thread_free(struct thread *t)
{
    if (t->arch.fpu != NULL)
        charged_slab_free(t->obj.payer, &fpu_slab, t->arch.fpu);
    t->arch.fpu = NULL;
}
