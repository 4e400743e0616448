/* SPDX-License-Identifier: MIT */
/* The init process: what it gets, how it is started, what happens when it ends. */
#pragma once

/* Starts it; reports on the log when that fails. */
long init_start(void);
