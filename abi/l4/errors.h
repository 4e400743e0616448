/* SPDX-License-Identifier: MIT */
/* Error numbers as constants; errors.def is the one table they come from. */
#pragma once

#define L4_IPC_ERROR(name, code, text) L4_IPC_##name = (code),
enum l4_ipc_error_code {
#include <l4/errors.def>
    L4_IPC_ERROR_MASK = 0x1f
};
#define L4_ERROR(name, code, text) L4_ERR_##name = (code),
enum l4_error_number {
#include <l4/errors.def>
    L4_ERR_IPC_BASE = 2000 /* user level: -(2000 + IPC error) */
};
