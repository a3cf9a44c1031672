-- Runs handlers: one coroutine for each, pooled, which waits by yielding to the proxy. Returns a table of what the proxy calls.
--
-- What crosses to the proxy and back is numbers, booleans, nil and strings only: tables and functions would be kept by references that
-- have to be given back, and cost more than the call.

local create, resume, yield = coroutine.create, coroutine.resume, coroutine.yield
local load, pcall, rawget, setfenv, tostring, type = load, pcall, rawget, setfenv, tostring, type
local byte = string.byte

local DONE = 0
local FAILED = -1
-- Waits: 1 body, 2 trailers, 3 a cluster's answer, 4 replied (over). The proxy gets run * 8 + wait.
local REPLIED = 4

return function(environment, budget, make_handle, scope, print)
  local requests, responses = {}, {} -- a script's handlers by its number
  local free, idle = {}, 0 -- coroutines that wait for a handler to run
  local waiting, last_run = {}, 0 -- runs that wait for the proxy, by number
  local last_serial = 0

  -- Error objects may be anything; their __tostring is the script's code too.
  local function describe(failure)
    if type(failure) == "string" then
      return failure
    end
    local ok, text = pcall(tostring, failure)
    return ok and type(text) == "string" and text or "an error object that cannot be shown"
  end

  local function loop(handler, handle)
    while true do
      handler(handle)
      handler, handle = yield(DONE)
    end
  end

  local function settle(co, ok, wait)
    budget.main = nil
    local serial = scope.serial
    scope.serial = 0
    if not ok then
      return FAILED, describe(wait)
    elseif wait == DONE then
      idle = idle + 1
      free[idle] = co
      return DONE
    elseif wait == REPLIED then
      return REPLIED
    end
    last_run = last_run + 1
    waiting[last_run] = { co, serial, budget.ticks }
    return last_run * 8 + wait
  end

  local function enter(handlers, index, sending)
    local co
    if idle > 0 then
      co = free[idle]
      free[idle] = nil
      idle = idle - 1
    else
      co = create(loop)
    end
    last_serial = last_serial + 1
    scope.serial = last_serial
    budget.main = co
    budget.ticks = 0
    budget.spent = false
    return settle(co, resume(co, handlers[index], make_handle(last_serial, sending)))
  end

  local proxy = {}

  function proxy.request(index)
    return enter(requests, index, false)
  end

  function proxy.response(index)
    return enter(responses, index, true)
  end

  -- What a run waited for is there.
  function proxy.go_on(number, ...)
    local run = waiting[number]
    waiting[number] = nil
    scope.serial = run[2]
    budget.main = run[1]
    budget.resume_with(run[3])
    return settle(run[1], resume(run[1], ...))
  end

  -- Nobody waits any more.
  function proxy.forget(number)
    waiting[number] = nil
  end

  -- Loads a script under a number. Returns which handlers it has (1 request, 2 response), or an error message.
  function proxy.load(index, source, name)
    if byte(source, 1) == 27 then
      return name .. ": compiled Lua is not accepted"
    end
    local chunk, message = load(source, "@" .. name, "t")
    if not chunk then
      return message
    end
    local env = environment(print)
    setfenv(chunk, env)
    local co = create(chunk)
    budget.main = co
    budget.ticks = 0
    budget.spent = false
    local ok, failure = resume(co)
    budget.main = nil
    if not ok then
      return describe(failure)
    end
    local request, response = rawget(env, "envoy_on_request"), rawget(env, "envoy_on_response")
    requests[index] = type(request) == "function" and request or nil
    responses[index] = type(response) == "function" and response or nil
    return (requests[index] and 1 or 0) + (responses[index] and 2 or 0)
  end

  return proxy
end
