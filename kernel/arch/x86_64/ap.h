/* SPDX-License-Identifier: MIT */
/* Where ap_code.S runs: a page of low memory, borrowed from whoever has it while CPUs are started. */
#pragma once
#define AP_BASE 0x8000
