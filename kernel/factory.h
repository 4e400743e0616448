/* SPDX-License-Identifier: MIT */
/* Factories: create kernel objects and pay for them. */
#pragma once
#include "kobj.h"
#include "memory.h"

struct factory {
    struct kobj obj;
    struct quota quota;
};
static inline struct factory *factory_of(struct kobj *obj) { return container_of(obj, struct factory, obj); }
extern struct factory root_factory;
extern const struct kobj_ops factory_ops;
boot_code void factory_module_init(void);
