-- What a script's handlers are given: Envoy's stream handle. Returns make_handle(serial) and print.

local host, budget, scope, objects = ...

local format, sub = string.format, string.sub
local error, next, pairs, select, setmetatable, tostring, type = error, next, pairs, select, setmetatable, tostring, type
local running, unpack, yield = coroutine.running, unpack, coroutine.yield
local check, checked, class, text = objects.check, objects.checked, objects.class, objects.text
local headers_class, buffer_class, metadata_class = objects.headers, objects.buffer, objects.metadata
local info_class, connection_class, level_class = objects.info, objects.connection, objects.level
local connection_info_class = objects.connection_info

local BODY, TRAILERS, CALL, REPLIED, CHUNK = 1, 2, 3, 4, 5

local function wait(...)
  if running() ~= budget.main then
    error("a call that waits cannot be made from a coroutine of the script's own", 3)
  end
  return yield(...)
end

-- The handle ------------------------------------------------------------------------------------------------------------------------

local Handle = {}
local handle_class = class(Handle)

function Handle:headers()
  if not self or self[1] ~= scope.serial then
    check(self)
  end
  return setmetatable({ self[1], 0 }, headers_class)
end

-- What a handle keeps: `whole`: the body has been read as a whole; `streaming`: it passes, and the headers have gone; `over`: its end has
-- passed; `chunk`: the number of the chunk at hand.

function Handle:body(always_wrap)
  check(self)
  if self.streaming then
    error(self.over and "cannot call body() after body has been streamed" or "cannot call body() after body streaming has started", 2)
  end
  if not self.whole then
    wait(BODY)
    self.whole = true
  end
  if host.body_length() == 0 and not always_wrap then
    return nil
  end
  return setmetatable({ self[1] }, buffer_class)
end

function Handle:bodyChunks()
  check(self)
  if self.streaming or (self.whole and host.body_length() > 0) then
    error("cannot call bodyChunks after body processing has begun", 2)
  end
  return function()
    check(self)
    if self.over or self.whole then
      return nil
    end
    local found, streaming = wait(CHUNK)
    self.streaming = streaming
    if not found then
      self.over = true
      self.chunk = nil
      return nil
    end
    self.chunk = (self.chunk or 0) + 1
    return setmetatable({ self[1], self, self.chunk }, buffer_class)
  end
end

function Handle:trailers()
  check(self)
  if not self.whole and not self.over then
    self.streaming = wait(TRAILERS)
    self.over = true
    self.chunk = nil
  end
  if not host.has_trailers() then
    return nil
  end
  return setmetatable({ self[1], 1 }, headers_class)
end

for method, level in pairs({ logTrace = 5, logDebug = 10, logInfo = 20, logWarn = 30, logErr = 40, logCritical = 50 }) do
  Handle[method] = function(self, message)
    check(self)
    host.log(level, text(message, "message"))
  end
end

-- name, value, name, value ... of a table of headers, in which a value may be a list of values.
local function flat(headers, level)
  if type(headers) ~= "table" then
    error(format("bad argument 'headers' (table expected, got %s)", type(headers)), level)
  end
  local fields, count = {}, 0
  for name, value in next, headers do
    local values = type(value) == "table" and value or { value }
    for i = 1, #values do
      fields[count + 1] = text(name, "header name", level + 1)
      fields[count + 2] = text(type(values[i]) == "boolean" and tostring(values[i]) or values[i], "header value", level + 1)
      count = count + 2
    end
  end
  if count > 1000 then
    error("too many headers", level)
  end
  return fields, count
end

function Handle:respond(headers, body)
  check(self)
  if running() ~= budget.main then
    error("respond cannot be called from a coroutine of the script's own", 2)
  end
  local fields, count = flat(headers, 3)
  checked(host.respond(body == nil and "" or text(body, "body"), unpack(fields, 1, count)))
  yield(REPLIED)
end

local function answer_headers(duplicates, count, ...)
  local headers = {}
  for i = 1, count * 2, 2 do
    local name, value = select(i, ...)
    local before = headers[name]
    if before == nil then
      headers[name] = duplicates and { value } or value
    elseif duplicates then
      before[#before + 1] = value
    else
      headers[name] = before .. "," .. value
    end
  end
  if duplicates then
    for name, values in next, headers do
      headers[name] = #values == 1 and values[1] or values
    end
  end
  return headers
end

local function answer(duplicates, failure, body, count, ...)
  if failure then
    error(failure, 3)
  end
  return answer_headers(duplicates, count, ...), body
end

function Handle:httpCall(cluster, headers, body, timeout, options)
  check(self)
  local asynchronous, duplicates = options == true, false
  if type(timeout) == "table" then
    options, timeout = timeout, nil
  end
  if type(options) == "table" then
    asynchronous, duplicates = options.asynchronous == true, options.return_duplicate_headers == true
    timeout = options.timeout_ms or timeout or 0
  end
  if type(timeout) ~= "number" or timeout < 0 then
    error("http call timeout must be >= 0", 2)
  end
  local fields, count = flat(headers, 3)
  if running() ~= budget.main then
    error("httpCall cannot be called from a coroutine of the script's own", 2)
  end
  checked(host.call(text(cluster, "cluster"), body == nil and "" or text(body, "body"), timeout, asynchronous, unpack(fields, 1, count)))
  if asynchronous then
    return
  end
  return answer(duplicates, yield(CALL))
end

function Handle:metadata()
  check(self)
  return setmetatable({ self[1], of = "filter" }, metadata_class)
end

function Handle:route()
  check(self)
  return setmetatable({ self[1], of = "filter" }, level_class)
end

function Handle:virtualHost()
  check(self)
  return setmetatable({ self[1], of = "virtual_host" }, level_class)
end

function Handle:filterContext()
  check(self)
  return setmetatable({ self[1], of = "context" }, metadata_class)
end

function Handle:streamInfo()
  check(self)
  return setmetatable({ self[1] }, info_class)
end

function Handle:connection()
  check(self)
  return setmetatable({ self[1] }, connection_class)
end

function Handle:connectionStreamInfo()
  check(self)
  return setmetatable({ self[1] }, connection_info_class)
end

-- The first bytes of a string: Envoy's functions take its length, too.
local function cut(value, length, name)
  value = text(value, name, 4)
  if type(length) ~= "number" or length < 0 or length > #value then
    error(format("the length of '%s' is not a number from 0 to %d", name, #value), 3)
  end
  return sub(value, 1, length)
end

local PublicKey = {}
local key_class = class(PublicKey)

function PublicKey:get()
  check(self)
  return self[2]
end

function Handle:importPublicKey(der, length)
  check(self)
  local key = cut(der, length, "keyder")
  if not host.import_key(key) then
    return setmetatable({ self[1] }, key_class)
  end
  self.keys = self.keys or {}
  self.keys[key] = true
  return setmetatable({ self[1], key }, key_class)
end

function Handle:verifySignature(hash, key, signature, signature_length, data, data_length)
  check(self)
  hash = text(hash, "hashFunction")
  key = text(key, "pubkey")
  if not (self.keys and self.keys[key]) then
    error("invalid public key", 2)
  end
  local wrong = checked(host.verify(hash, key, cut(signature, signature_length, "signature"), cut(data, data_length, "data")))
  return wrong == nil, wrong
end

function Handle:clearRouteCache()
  check(self)
  checked(host.clear_route())
end

function Handle:base64Escape(value)
  check(self)
  return checked(host.base64(text(value, "input")))
end

function Handle:base64Decode(value)
  check(self)
  return checked(host.from_base64(text(value, "input")))
end

function Handle:timestamp(resolution)
  check(self)
  return host.timestamp(resolution == 1)
end

function Handle:timestampString(resolution)
  check(self)
  return format("%.0f", host.timestamp(resolution == 1))
end

local function make_handle(serial)
  return setmetatable({ serial }, handle_class)
end

-- A Lua function of the state's own `print`: one line in the log.
local function print(...)
  local parts = {}
  for i = 1, select("#", ...) do
    parts[i] = tostring((select(i, ...)))
  end
  host.log(20, table.concat(parts, "\t"))
end

return make_handle, print
