-- What a script may use, and the budget that it runs under. Loaded once for each Lua state; returns one function (bottom of the file).
--
-- Everything that reaches the process, compiled code or other scripts is left out: os, io, debug, package, require, ffi, jit, load and its
-- kin, collectgarbage, string.dump, the metatable of strings. Each script gets tables of its own, so that what it redefines is its own.

local error, pcall, tostring, type = error, pcall, tostring, type
local getmetatable, setmetatable, pairs, rawget = getmetatable, setmetatable, pairs, rawget
local create, resume, running, status, yield = coroutine.create, coroutine.resume, coroutine.running, coroutine.status, coroutine.yield
local clock, getinfo, sethook, raw_getmetatable = os.clock, debug.getinfo, debug.sethook, debug.getmetatable

-- The just-in-time compiler skips count hooks in what it has compiled: an endless loop could not be ended. Interpreted, hooks are exact.
jit.off()
jit.flush()

local TICK = 500 -- instructions between two looks at the budget

local budget = {
  ticks = 0, -- looks since the handler began; the engine saves and restores it around waits
  spent = false, -- why the handler is over: a message; false while it may run
  main = nil, -- the handler's own coroutine: the only one that may wait
}
local most_ticks, most_seconds = 1, 1
local began = 0

-- Ends the handler: the message names the place in the script that is to blame, its nearest frame.
local function spend(message)
  local level = 3
  local info = getinfo(level, "Sl")
  while info and (info.currentline <= 0 or info.source:sub(1, 1) == "=") do
    level = level + 1
    info = getinfo(level, "Sl")
  end
  if info then
    message = info.short_src .. ":" .. info.currentline .. ": " .. message
  end
  budget.spent = message
  error(message, 0)
end

local function look()
  local ticks = budget.ticks + 1
  budget.ticks = ticks
  if ticks == 1 then
    began = clock()
  elseif budget.spent then
    error(budget.spent, 0)
  elseif ticks > most_ticks then
    spend("instruction budget exceeded")
  elseif clock() - began > most_seconds then
    spend("CPU time limit exceeded")
  end
end

function budget.resume_with(ticks)
  budget.ticks = ticks
  budget.spent = false
  if ticks > 0 then
    began = clock()
  end
end

-- A script that catches the error which ends it does not get on: what catches passes it on.
local function passing_on(...)
  if budget.spent then
    error(budget.spent, 0)
  end
  return ...
end

local function safe_pcall(...)
  return passing_on(pcall(...))
end

-- The handler runs after the fact: at the place of the error it would run with hooks off, and could loop for ever.
local function handled(handler, ok, ...)
  if budget.spent then
    error(budget.spent, 0)
  elseif ok then
    return true, ...
  end
  return false, handler(...)
end

local function safe_xpcall(f, handler, ...)
  return handled(handler, pcall(f, ...))
end

local function safe_resume(...)
  return passing_on(resume(...))
end

local function safe_yield(...)
  if running() == budget.main then
    error("script performed an unexpected yield", 2)
  end
  return yield(...)
end

local function finish_wrapped(ok, ...)
  if budget.spent then
    error(budget.spent, 0)
  end
  if not ok then
    error((...), 0)
  end
  return ...
end

local function safe_wrap(f)
  local co = create(f)
  return function(...)
    return finish_wrapped(resume(co, ...))
  end
end

-- Metatables of host objects carry __metatable; that of strings is shared by all scripts.
local function safe_getmetatable(object)
  if type(object) ~= "table" then
    return nil
  end
  return getmetatable(object)
end

local function safe_setmetatable(object, metatable)
  if type(object) ~= "table" then
    error("bad argument #1 to 'setmetatable' (table expected, got " .. type(object) .. ")", 2)
  end
  if type(metatable) == "table" and rawget(metatable, "__gc") ~= nil then
    error("finalizers are not allowed", 2)
  end
  return setmetatable(object, metatable)
end

-- Host objects are iterated as in Envoy, through __pairs, which plain Lua 5.1 does not know.
local function safe_pairs(object)
  local metatable = type(object) == "table" and raw_getmetatable(object)
  local iterate = metatable and rawget(metatable, "__pairs")
  if iterate then
    return iterate(object)
  end
  return pairs(object)
end

local function copy(library)
  local made = {}
  for name, value in pairs(library) do
    made[name] = value
  end
  return made
end

local strings = {} -- what a method call on a string finds: one table for the state, out of the scripts' reach
raw_getmetatable("").__index = strings

local function environment(print)
  local env = {
    assert = assert,
    error = error,
    ipairs = ipairs,
    next = next,
    pairs = safe_pairs,
    pcall = safe_pcall,
    print = print,
    rawequal = rawequal,
    rawget = rawget,
    rawset = rawset,
    select = select,
    setmetatable = safe_setmetatable,
    getmetatable = safe_getmetatable,
    tonumber = tonumber,
    tostring = tostring,
    type = type,
    unpack = unpack,
    xpcall = safe_xpcall,
    _VERSION = _VERSION,
    bit = copy(bit),
    math = copy(math),
    string = copy(strings),
    table = copy(table),
    coroutine = {
      create = create,
      resume = safe_resume,
      running = running,
      status = status,
      wrap = safe_wrap,
      yield = safe_yield,
    },
    EnvoyTimestampResolution = { MILLISECOND = 0, MICROSECOND = 1 },
  }
  env._G = env
  return env
end

-- patterns: string functions that take the place of Lua's own
return function(patterns, instructions, seconds)
  for name, implementation in pairs(string) do
    strings[name] = implementation
  end
  strings.dump = nil
  for name, replacement in pairs(patterns) do
    strings[name] = replacement
  end
  most_ticks = math.max(1, math.floor(instructions / TICK))
  most_seconds = seconds
  sethook(look, "", TICK)
  return environment, budget
end
