/* SPDX-License-Identifier: MIT */
/* Constants of the user level. */
#pragma once
#include <l4/sys/consts.h>

#define L4RE_THIS_TASK_CAP 0x1000ul /* the own task's selector in every program */
#define L4RE_MAIN_THREAD_PRIO 2
