/* SPDX-License-Identifier: MIT */
/* Types of input events; codes are those of the types' own lists. */
#pragma once

enum L4Re_events {
    L4RE_EV_SYN = 0,
    L4RE_EV_KEY = 1,
    L4RE_EV_REL = 2,
    L4RE_EV_ABS = 3,
    L4RE_EV_MSC = 4,
    L4RE_EV_SW = 5,
    L4RE_EV_LED = 0x11,
    L4RE_EV_SND = 0x12,
    L4RE_EV_REP = 0x14,
    L4RE_EV_FF = 0x15,
    L4RE_EV_PWR = 0x16,
    L4RE_EV_FF_STATUS = 0x17,
    L4RE_EV_WINDOW = 0x18,
    L4RE_EV_PM = 0x1e,
    L4RE_EV_MAX = 0x1f
};
