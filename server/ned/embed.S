/* SPDX-License-Identifier: MIT */
/* The Lua files of this folder as bytes. */
    .section .rodata
    .globl policy_lua, policy_lua_end, prompt_lua, prompt_lua_end
policy_lua:
    .incbin "server/ned/policy.lua"
policy_lua_end:
prompt_lua:
    .incbin "server/ned/prompt.lua"
prompt_lua_end:
    .section .note.GNU-stack, "", @progbits
