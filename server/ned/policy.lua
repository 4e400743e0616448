-- SPDX-License-Identifier: MIT
-- The policy half of module L4: classes of capability values, name spaces, the loader, CPU sets. Called once with the
-- module table (its C half is filled in) and with `sys`, the primitives that scripts do not see:
--   sys.cap_get(c)                 slot, rights (bits 0-7), type number
--   sys.cap_with(c, rights, type)  another reference to the same slot
--   sys.is_cap(v)                  is v a capability value?
--   sys.create(c, proto, type, ...) factory request: capability, or nil and the error number
--   sys.query(c, name, rights)     name space request: capability, or nil and the error number
--   sys.register(c, name, flags, v), sys.unlink(c, name): error number or 0
--   sys.meta(c)                    protocol number and type name that the object gives of itself, or nil
--   sys.spawn{...}                 process object, or nil and what went wrong
local L4, sys = ...

local Proto, Rights, Dbg = L4.Proto, L4.Rights, L4.Dbg
local format, math_tointeger = string.format, sys.tointeger

-- "file:line: " of the script that called into this file, however deep inside it we are.
local function where()
  local level = 2
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info then return "" end
    if info.what ~= "C" and info.source ~= "=policy" then return format("%s:%d: ", info.short_src, info.currentline) end
    level = level + 1
  end
end

local function fail(...) error(where() .. format(...), 0) end

local function error_text(code) return format("%s (%d)", sys.error_text(code), code) end

local function kind(v) return sys.is_cap(v) and "capability" or type(v) end

local function need_cap(v, what)
  if not sys.is_cap(v) then fail("%s: capability expected, got %s", what, kind(v)) end
  return v
end

-- ---- classes ----------------------------------------------------------------------------------------------------

-- Methods that every capability value has.
local common = {}

local letters = { r = Rights.r, w = Rights.w, s = Rights.s, d = Rights.d, n = Rights.n, c = Rights.c }

function common.m(c, mode)
  local _, rights, class = sys.cap_get(need_cap(c, "m"))
  if mode == nil then return rights & 15 end
  local bits = math_tointeger(mode)
  if not bits then
    if type(mode) ~= "string" then fail("rights: string of letters rwsdnc or integer expected, got %s", kind(mode)) end
    bits = 0
    for letter in mode:lower():gmatch(".") do bits = bits | (letters[letter] or 0) end
  end
  return sys.cap_with(c, (bits | Rights.r) & 0xff, class)
end
common.mode = common.m
common.rights = common.m

function common.svr(c)
  local _, _, class = sys.cap_get(need_cap(c, "svr"))
  return sys.cap_with(c, 0xef, class)
end

common.is_valid = sys.is_valid

-- Types are numbered; a capability value carries the number, 0 means "not known yet".
local types = {}
local by_proto, by_name = {}, {}

local function new_type(proto, name, cxx, methods)
  local t = { id = #types + 1, proto = proto, name = name, methods = methods }
  types[t.id] = t
  if proto then by_proto[proto] = by_proto[proto] or t end
  by_name[name] = t
  by_name[cxx] = t
  return t
end

local Factory, Namespace, Platform, Debug = {}, {}, {}, {}
local T = {
  factory = new_type(Proto.Factory, "N2L47FactoryE", "L4::Factory", Factory),
  mem = new_type(0x400b, "N4L4Re9Mem_allocE", "L4Re::Mem_alloc", Factory),
  ns = new_type(Proto.Namespace, "N4L4Re9NamespaceE", "L4Re::Namespace", Namespace),
  ds = new_type(Proto.Dataspace, "N4L4Re9DataspaceE", "L4Re::Dataspace"),
  rm = new_type(Proto.Rm, "N4L4Re2RmE", "L4Re::Rm"),
  log = new_type(Proto.Log, "N2L44VconE", "L4::Vcon"),
  sched = new_type(Proto.Scheduler, "N2L49SchedulerE", "L4::Scheduler"),
  sem = new_type(Proto.Semaphore, "N2L49SemaphoreE", "L4::Semaphore"),
  irq = new_type(Proto.Irq_sender, "N2L43IrqE", "L4::Irq"),
  icu = new_type(-1, "N2L43IcuE", "L4::Icu", Platform),
  parent = new_type(0x4002, "N4L4Re6ParentE", "L4Re::Parent"),
  goos = new_type(Proto.Goos, "N4L4Re5Video4GoosE", "L4Re::Video::Goos"),
  event = new_type(Proto.Event, "N4L4Re5EventE", "L4Re::Event"),
  dma = new_type(0x4008, "N4L4Re9Dma_spaceE", "L4Re::Dma_space"),
  platform = new_type(nil, "N2L416Platform_controlE", "L4::Platform_control", Platform),
  debug = new_type(-0x8000, "N4L4Re9Debug_objE", "L4Re::Debug_obj", Debug),
}
local method_names = {}

local function type_of(c)
  local _, _, id = sys.cap_get(c)
  if id ~= 0 then return types[id] end
  local proto, name = sys.meta(c)
  if not proto then
    io.stderr:write("ned: warning: ", tostring(c), " does not say what it is; use L4.cast\n")
    return nil
  end
  local t = by_name[name] or (proto ~= 0 and by_proto[proto]) or nil
  if t then sys.cap_set_type(c, t.id) end
  return t
end

-- Only a name that some class knows makes us ask the object: the question waits until a server answers.
local function cap_index(c, key)
  local f = common[key]
  if f then return f end
  if not method_names[key] then return nil end
  local t = type_of(c)
  return t and t.methods and t.methods[key]
end

local function cap_tostring(c)
  local slot, rights, id = sys.cap_get(c)
  return format("L4::Cap<%s>[%x] r=%x f=%x", id ~= 0 and types[id].name or "v", slot, rights & 15, rights & 0xf0)
end

sys.cap_methods(cap_index, cap_tostring)

local function type_named(id)
  local n = math_tointeger(id)
  if n then return by_proto[n] end
  return by_name[id]
end

function L4.cast(id, c)
  need_cap(c, "cast")
  local t = type_named(id)
  if not t then return nil end
  local _, rights = sys.cap_get(c)
  return sys.cap_with(c, rights, t.id)
end

function L4.get_cap_class(id)
  local t = type_named(id)
  if not t or t == T.mem then return nil end
  return t.methods
end

-- ---- factories --------------------------------------------------------------------------------------------------

-- What `create` raises: a table, so that a script can look at the code.
local Error = {}
Error.__index = Error
function Error.__tostring(e) return e.msg end

local created = { [Proto.Namespace] = T.ns, [Proto.Dataspace] = T.ds, [Proto.Rm] = T.rm, [Proto.Log] = T.log,
  [Proto.Scheduler] = T.sched, [Proto.Factory] = T.factory, [Proto.Semaphore] = T.sem, [Proto.Irq_sender] = T.irq }

function Factory.create(c, proto, ...)
  need_cap(c, "create")
  local p = math_tointeger(proto)
  if not p then fail("create: protocol number expected (see L4.Proto), got %s", kind(proto)) end
  local t = created[p]
  local v, code = sys.create(c, p, t and t.id or 0, ...)
  if v then return v end
  error(setmetatable({ msg = where() .. "create: " .. error_text(code), code = code }, Error), 0)
end

-- ---- name spaces ------------------------------------------------------------------------------------------------

function Namespace.query(ns, name, rights)
  need_cap(ns, "query")
  if type(name) ~= "string" then fail("query: name expected, got %s", kind(name)) end
  local bits = Rights.r
  if rights ~= nil then bits = common.m(common.m(ns, rights)) end
  return function()
    local v, code = sys.query(ns, name, bits)
    if v == nil and code ~= -2 then fail("query '%s': %s", name, error_text(code)) end
    return v
  end
end
Namespace.q = Namespace.query

-- "rom/dir/file": the first part is one of our own capabilities (or a table of them), the rest is asked for.
local function resolve(path)
  local at, rest = L4.Env, path
  while type(at) == "table" do
    local first, more = rest:match("^([^/]+)/?(.*)$")
    at = first and at[first]
    if at == nil then fail("'%s': no such capability or name", path) end
    rest = more
    if rest == "" then break end
  end
  if rest ~= "" then
    at = need_cap(at, path)
    at = Namespace.query(at, rest, "rws")()
  end
  if not sys.is_cap(at) then fail("'%s': no such capability or name", path) end
  return at
end

-- Functions are called until something else comes.
local function force(v, ...)
  while type(v) == "function" do v = v(...) end
  return v
end

function Namespace.register(ns, name, value, fab)
  need_cap(ns, "register")
  if type(name) ~= "string" then fail("register: name expected, got %s", kind(name)) end
  value = force(value, ns, name)
  if type(value) == "string" then value = resolve(value) end
  if type(value) == "table" and type(fab) == "function" then value = fab(value) end
  if value == nil or type(value) == "table" then return end
  need_cap(value, "register '" .. name .. "'")
  local _, rights = sys.cap_get(value)
  local code = sys.register(ns, name, 0x200 | rights & 15, value)
  if code < 0 then fail("register '%s': %s", name, error_text(code)) end
end
Namespace.r = Namespace.register

function Namespace.__register(ns, name, value)
  need_cap(ns, "__register")
  if value == nil then
    local code = sys.unlink(ns, name)
    if code < 0 then fail("unlink '%s': %s", name, error_text(code)) end
    return
  end
  return Namespace.register(ns, name, value)
end

function Platform.system_suspend(c, n) return sys.platform(c, 0, n or 0) end
function Platform.system_shutdown(c, n) return sys.platform(c, 1, n or 0) end
function Debug.debug(c, n) return sys.debug(c, n or 0) end

for _, t in ipairs(types) do
  for name in pairs(t.methods or {}) do method_names[name] = true end
end

-- ---- our own capabilities ---------------------------------------------------------------------------------------

local known = { parent = T.parent, mem_alloc = T.mem, user_factory = T.mem, rm = T.rm, log = T.log, factory = T.factory,
  scheduler = T.sched, rom = T.ns, rwfs = T.ns, icu = T.icu, sigma0 = T.factory, mem = T.mem, kip = T.ds }
for name, c in pairs(L4.Env) do
  if known[name] then sys.cap_set_type(c, known[name].id) end
end

-- ---- CPU sets ---------------------------------------------------------------------------------------------------

local Cpu_set = {}
Cpu_set.__index = Cpu_set
L4.Cpu_set = Cpu_set

local CPU_MAX = 1023

-- A set is { all = true } or numbers as keys.
function Cpu_set:new(x)
  local s = setmetatable({ cpus = {} }, Cpu_set)
  if x == nil then
    s.all = true
    return s
  end
  return s:add(x)
end

function Cpu_set:add(x)
  if type(x) == "table" then
    if getmetatable(x) == Cpu_set then
      self.all = self.all or x.all
      for n in pairs(x.cpus) do self.cpus[n] = true end
      return self
    end
    for _, v in ipairs(x) do self:add(v) end
    return self
  end
  local n = math_tointeger(x)
  local first, last = n, n
  if not n and type(x) == "string" then
    first, last = x:match("^%s*(%d+)%s*%-%s*(%d+)%s*$")
    first, last = math_tointeger(first), math_tointeger(last)
  end
  if not first or not last or first > last or first < 0 or last > CPU_MAX then
    fail("CPU set: number or range \"first-last\" expected, got '%s'", tostring(x))
  end
  for i = first, last do self.cpus[i] = true end
  return self
end

function Cpu_set.__bor(a, b)
  local s = Cpu_set:new({})
  return s:add(a):add(b)
end

function Cpu_set.__band(a, b)
  a, b = Cpu_set:new({}):add(a), Cpu_set:new({}):add(b)
  if a.all then return b end
  if b.all then return a end
  local s = Cpu_set:new({})
  for n in pairs(a.cpus) do s.cpus[n] = b.cpus[n] end
  return s
end

function Cpu_set:__tostring()
  if self.all then return "{ all }" end
  local list = {}
  for n in pairs(self.cpus) do list[#list + 1] = n end
  table.sort(list)
  return "{" .. table.concat(list, ", ") .. "}"
end

-- Mask words for the scheduler factory; none for all CPUs.
function Cpu_set:factory_args()
  if self.all then return end
  local words, highest = {}, 0
  for n in pairs(self.cpus) do
    local w = n // 64 + 1
    words[w] = (words[w] or 0) | 1 << n % 64
    if w > highest then highest = w end
  end
  if highest == 0 then return 0 end
  for w = 1, highest do words[w] = words[w] or 0 end
  return table.unpack(words, 1, highest)
end

-- ---- starting programs ------------------------------------------------------------------------------------------

local App_env, Loader = {}, {}
App_env.__index = App_env
Loader.__index = Loader
L4.App_env, L4.Loader = App_env, Loader

App_env.l4re_dbg = Dbg.Warn
App_env.ldr_flags = 0
App_env.l4re_loader = "rom/l4re"

-- loader:new_channel(), loader.new_channel(): only the first is right; say so instead of "index a nil value".
local function need_loader(l, what)
  if type(l) ~= "table" then fail("%s: call it as loader:%s(...), with a colon", what, what) end
end

function Loader.new(fields)
  if fields ~= nil and type(fields) ~= "table" then fail("Loader.new: table expected, got %s", kind(fields)) end
  local l = setmetatable(fields or {}, Loader)
  l.mem = l.mem or L4.Env.mem_alloc
  l.factory = l.factory or L4.Env.factory
  local fab = l.loader or l.mem
  l.log_fab = l.log_fab or fab
  l.ns_fab = l.ns_fab or fab
  l.rm_fab = l.rm_fab or fab
  l.sched_fab = l.sched_fab or fab
  l.default_caps = l.default_caps or { rom = L4.Env.rom and L4.Env.rom:m("r") }
  return l
end

function Loader:new_channel()
  need_loader(self, "new_channel")
  return Factory.create(self.factory, Proto.Ipc_gate)
end

function Loader:fill_namespace(ns, entries, fab)
  need_loader(self, "fill_namespace")
  local function make(t) return self:create_namespace(t, fab) end
  for name, v in pairs(entries) do
    v = force(v, ns, name)
    if type(v) == "table" then v = make(v) end
    Namespace.register(ns, name, v)
  end
  return ns
end

function Loader:create_namespace(entries, fab)
  need_loader(self, "create_namespace")
  if sys.is_cap(entries) then return entries end
  if type(entries) ~= "table" then fail("create_namespace: table expected, got %s", kind(entries)) end
  local ns = Factory.create(fab or self.ns_fab, Proto.Namespace)
  return self:fill_namespace(ns, entries, fab)
end

function Loader:create_sched_proxy(a)
  need_loader(self, "create_sched_proxy")
  a = a or {}
  local offset = a.prio_offset or 0
  local cpus = Cpu_set:new(a.cpus)
  local limit = a.prio_limit or offset + 10
  return Factory.create(a.fab or self.sched_fab, Proto.Scheduler, limit, offset, cpus:factory_args())
end

function Loader:start_backtracer(a)
  need_loader(self, "start_backtracer")
  a = a or {}
  local ch = self:new_channel()
  local p = self:startv({ log = { "backtrace", "y" }, caps = { svr = ch:svr() } }, a.prog or "rom/backtracer",
    table.unpack(a.args or {}))
  self.dbg_events = ch
  return p
end

-- "rom/dir/prog" -> "prog"
local function base_name(path) return path:match("([^/]*)$") end

-- Errors of factories become strings here: `start` has one kind of error.
local function made(what, f, ...)
  local ok, v = pcall(f, ...)
  if ok then return v end
  fail("%s: %s", what, type(v) == "table" and v.msg or tostring(v))
end

local function log_of(env, loader, binary)
  local log = force(env.log)
  if sys.is_cap(log) then return log end
  if log == nil then log = {} end
  if type(log) ~= "table" then
    fail("field 'log': table { tag, colour } or capability expected, got %s", kind(log))
  end
  local fab = loader.log_fab
  if fab == nil then fail("field 'log': the loader has no log factory") end
  local tag = log[1] or base_name(binary)
  return made("field 'log'", function() return fab:create(Proto.Log, tag, table.unpack(log, 2)) end)
end

local function field_cap(env, loader, name)
  local v = env[name]
  if v == nil then v = loader[name] end
  if v == nil then v = L4.Env[name] end
  return need_cap(v, "field '" .. name .. "'")
end

local function caps_of(env, loader)
  if env.caps == nil then env.caps = {} end
  if type(env.caps) ~= "table" then
    fail("field 'caps': table of names and capabilities expected, got %s", kind(env.caps))
  end
  for name, c in pairs(loader.default_caps) do
    if env.caps[name] == nil then env.caps[name] = c end
  end
  if env.ns ~= nil and not sys.is_cap(env.ns) then
    env.ns = made("field 'ns'", loader.create_namespace, loader, env.ns, env.ns_fab)
  end
  local list = {}
  for name, v in pairs(env.caps) do
    if type(name) ~= "string" then fail("field 'caps': names are strings, got %s", kind(name)) end
    v = force(v)
    if type(v) == "table" then
      v = made("capability '" .. name .. "'", loader.create_namespace, loader, v, env.ns_fab)
    end
    if sys.is_cap(v) then list[#list + 1] = { name:sub(1, 16), v } end
  end
  return list
end

-- Starts `binary`; app_env is an `env` table of start with its loader filled in.
function L4.exec(env, binary, ...)
  if type(env) ~= "table" then fail("start: table of settings expected as first argument, got %s", kind(env)) end
  if sys.is_cap(env) then fail("start: table of settings expected as first argument, got capability") end
  local loader = env.loader or L4.default_loader
  binary = binary == nil and "" or binary
  if type(binary) ~= "string" then fail("start: program name expected, got %s", kind(binary)) end
  local args, posix_env = table.pack(...), {}
  if type(args[args.n]) == "table" then
    for k, v in pairs(args[args.n]) do posix_env[#posix_env + 1] = tostring(k) .. "=" .. tostring(v) end
    args[args.n] = nil
    args.n = args.n - 1
  end
  local argv = { binary }
  for i = 1, args.n do
    local a = args[i]
    if type(a) ~= "string" and type(a) ~= "number" then
      fail("start: argument %d of '%s': string expected, got %s", i, binary, kind(a))
    end
    argv[i + 1] = tostring(a)
  end
  local request = { binary = binary, argv = argv, env = posix_env, l4re = env.l4re_loader, l4re_dbg = env.l4re_dbg,
    ldr_flags = env.ldr_flags, base = env.base, itas_base = env.itas_base }
  request.factory = field_cap(env, loader, "factory")
  request.mem = field_cap(env, loader, "mem")
  request.scheduler = field_cap(env, loader, "scheduler")
  if env.dbg_events or loader.dbg_events then request.dbg_events = field_cap(env, loader, "dbg_events") end
  request.caps = caps_of(env, loader)
  request.log = log_of(env, loader, binary)
  local rm_fab = field_cap(env, loader, "rm_fab")
  request.rm = made("field 'rm_fab'", function() return rm_fab:create(Proto.Rm) end)
  local p, text = sys.spawn(request)
  if not p then fail("%s", text) end
  return p
end

function Loader:startv(env, ...)
  need_loader(self, "startv")
  if type(env) ~= "table" then fail("start: table of settings expected as first argument, got %s", kind(env)) end
  env = setmetatable(env, App_env)
  env.loader = self
  return L4.exec(env, ...)
end

-- "program argument argument", split at white space.
function Loader:start(env, command, posix_env)
  need_loader(self, "start")
  if type(command) ~= "string" then fail("start: command string expected as second argument, got %s", kind(command)) end
  local words = {}
  for w in command:gmatch("%S+") do words[#words + 1] = w end
  local n = #words
  if posix_env ~= nil then
    if type(posix_env) ~= "table" then fail("start: environment table expected, got %s", kind(posix_env)) end
    if n == 0 then n = 1; words[1] = "" end
    n = n + 1
    words[n] = posix_env
  end
  return self:startv(env, table.unpack(words, 1, n))
end

L4.default_loader = Loader.new({ mem = L4.Env.mem_alloc, factory = L4.Env.factory })
