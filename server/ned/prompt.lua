-- SPDX-License-Identifier: MIT
-- The interactive prompt: reads a line, runs it, prints what comes back. Lines that are not complete are continued.
-- Called once with the module table and the primitives (sys.read_line, sys.read_file).
local L4, sys = ...

local PROMPT, CONTINUED = "L4> ", "..> "

-- ---- completion -------------------------------------------------------------------------------------------------

local function common_prefix(list)
  local p = list[1]
  for _, s in ipairs(list) do
    while s:sub(1, #p) ~= p do p = p:sub(1, -2) end
  end
  return p
end

-- What to insert after `typed`, given all names that begin with it; prints the choices when nothing can be added.
local function choose(typed, list)
  if #list == 0 then return nil end
  table.sort(list)
  local p = common_prefix(list)
  if #p > #typed then return p:sub(#typed + 1) end
  if #list == 1 then return nil end
  io.write("\n", table.concat(list, "  "), "\n")
  return ""
end

-- "rom/he" inside a string: names of the files there.
local function complete_path(path)
  local dir, typed = path:match("^(.*)/([^/]*)$")
  local text = dir and sys.read_file(dir .. "/.dirinfo")
  if not text then return nil end
  local list = {}
  for name in text:gmatch("%d+:([^\n]*)") do
    if name:sub(1, #typed) == typed then list[#list + 1] = name end
  end
  return choose(typed, list)
end

-- "L4.default_lo": fields along the way; capability values have methods that nobody has to be asked for.
local function complete_name(expression)
  local path, typed = expression:match("^(.-)([%w_]*)$")
  local at = _G
  for name in path:gmatch("[%w_]+") do
    if type(at) ~= "table" then return nil end
    at = at[name]
  end
  local list, seen = {}, {}
  while type(at) == "table" do
    for name in pairs(at) do
      if type(name) == "string" and name:sub(1, #typed) == typed and not seen[name] and name:match("^[%a][%w_]*$") then
        seen[name] = true
        list[#list + 1] = name
      end
    end
    if at == _G and ("L4"):sub(1, #typed) == typed then list[#list + 1] = "L4" end
    local meta = getmetatable(at)
    at = type(meta) == "table" and meta.__index
  end
  return choose(typed, list)
end

local function complete(line)
  local path = line:match("[\"']([%w_.%-/]*)$")
  if path then return complete_path(path) end
  local name = line:match("[%a_][%w_]*[%w_.:]*$")
  return name and complete_name(name)
end

-- ---- read, run, print -------------------------------------------------------------------------------------------

local function incomplete(message) return message:sub(-5) == "<eof>" end

-- A value is shown like a result: first as an expression, then as a statement. nil and a message when it is neither.
local function compile(text)
  local f = load("return " .. text, "=prompt", "t")
  if f then return f end
  return load(text, "=prompt", "t")
end

local function error_line(e)
  io.stderr:write("lua error: ", type(e) == "table" and tostring(e.msg or e) or tostring(e), "\n")
end

local function show(ok, ...)
  if not ok then return error_line((...)) end
  local n = select("#", ...)
  if n == 0 or (n == 1 and (...) == nil) then return end
  print(...)
end

-- Ends with Ctrl-D on an empty line, or when the console has no input.
function L4.prompt(text)
  local first = text or PROMPT
  if type(first) ~= "string" then error("prompt: text expected, got " .. type(first), 2) end
  local chunk
  while true do
    local line = sys.read_line(chunk and CONTINUED or first, complete)
    if not line then return end
    chunk = chunk and chunk .. "\n" .. line or line
    local f, message = compile(chunk)
    if not f and incomplete(message) and line ~= "" then
      -- more lines belong to it; an empty one gives up
    elseif chunk:match("^%s*$") then
      chunk = nil
    else
      chunk = nil
      if f then show(pcall(f)) else error_line(message) end
    end
  end
end
