-- The objects that a handle gives out: headers, buffers, metadata, facts about the stream. Returns the scope and the objects.
--
-- host: the proxy's functions (host.py). Each returns a value, or false for a failure whose text `host.failure()` has; they never raise.

local host, encode, decode = ...

local format = string.format
local error, next, pairs, setmetatable, tostring, type = error, next, pairs, setmetatable, tostring, type

local host_get, host_failure = host.get, host.failure

-- The number of the handler that runs: objects of another one are stale.
local scope = { serial = 0 }

local function check(object, level)
  if type(object) ~= "table" or object[1] ~= scope.serial then
    error("object used outside of proper scope", level or 3)
  end
end

local function text(value, name, level)
  local kind = type(value)
  if kind == "string" then
    return value
  elseif kind == "number" then
    return tostring(value)
  end
  error(format("bad argument '%s' (string expected, got %s)", name, kind), level or 3)
end

local function checked(result, level)
  if result == false then
    error(host_failure(), level or 3)
  end
  return result
end

local function class(methods, metatable)
  metatable = metatable or {}
  metatable.__index = methods
  metatable.__metatable = false
  return metatable
end

-- Headers and trailers -------------------------------------------------------------------------------------------------------------

local Headers = {}
local headers_class = class(Headers, {
  __pairs = function(self)
    check(self)
    local count = checked(host.count(self.of))
    local i = 0
    return function()
      check(self)
      i = i + 1
      if i <= count then
        return host.name_at(self.of, i), host.value_at(self.of, i)
      end
    end
  end,
})

function Headers:get(name)
  if not self or self[1] ~= scope.serial then
    check(self)
  end
  if type(name) ~= "string" then
    name = text(name, "key")
  end
  local value = host_get(self.of, name)
  if value == false then
    error(host_failure(), 2)
  end
  return value
end

function Headers:getAtIndex(name, index)
  check(self)
  if type(index) ~= "number" or index < 0 then
    return nil
  end
  return checked(host.get_at(self.of, text(name, "key"), index))
end

function Headers:getNumValues(name)
  check(self)
  return host.values(self.of, text(name, "key"))
end

function Headers:add(name, value)
  check(self)
  checked(host.add(self.of, text(name, "key"), text(value, "value")))
end

function Headers:replace(name, value)
  check(self)
  checked(host.set(self.of, text(name, "key"), text(value, "value")))
end

function Headers:remove(name)
  check(self)
  checked(host.remove(self.of, text(name, "key")))
end

function Headers:setHttp1ReasonPhrase(phrase)
  check(self)
  checked(host.reason(text(phrase, "reasonPhrase")))
end

-- Body ------------------------------------------------------------------------------------------------------------------------------

local Buffer = {}
local buffer_class = class(Buffer)

function Buffer:length()
  check(self)
  return host.body_length()
end

function Buffer:getBytes(index, length)
  check(self)
  if type(index) ~= "number" or type(length) ~= "number" then
    error("getBytes takes an index and a length", 2)
  end
  return checked(host.body_bytes(index, length))
end

function Buffer:setBytes(bytes)
  check(self)
  return checked(host.set_body(text(bytes, "bytes")))
end

-- Metadata --------------------------------------------------------------------------------------------------------------------------

local Metadata = {}
local metadata_class = class(Metadata, {
  __pairs = function(self)
    check(self)
    return next, decode(checked(host.metadata(self.of))), nil
  end,
})

function Metadata:get(key)
  check(self)
  return decode(checked(host.metadata(self.of)))[text(key, "key")]
end

local Dynamic = {}
local dynamic_class = class(Dynamic, {
  __pairs = function(self)
    check(self)
    return next, decode(checked(host.dynamic())), nil
  end,
})

function Dynamic:get(filter)
  check(self)
  return decode(checked(host.dynamic()))[text(filter, "filterName")]
end

function Dynamic:set(filter, key, value)
  check(self)
  checked(host.set_dynamic(text(filter, "filterName"), text(key, "key"), encode(value)))
end

-- Stream and connection -------------------------------------------------------------------------------------------------------------

local Info = {}
local info_class = class(Info)

for method, fact in pairs({
  protocol = "protocol",
  routeName = "route_name",
  virtualClusterName = "virtual_cluster_name",
  downstreamLocalAddress = "local_address",
  downstreamDirectLocalAddress = "local_address",
  downstreamRemoteAddress = "remote_address",
  downstreamDirectRemoteAddress = "remote_address",
  requestedServerName = "server_name",
}) do
  Info[method] = function(self)
    check(self)
    return checked(host.fact(fact))
  end
end

local Ssl = {}
local ssl_class = class(Ssl)

local function ssl_of(self)
  check(self, 4)
  return host.fact("tls") and setmetatable({ self[1] }, ssl_class) or nil
end

function Ssl:peerCertificatePresented()
  check(self)
  return host.fact("peer_certificate") ~= nil
end

function Ssl:urlEncodedPemEncodedPeerCertificate()
  check(self)
  return checked(host.fact("peer_certificate_url")) or ""
end

function Info:downstreamSslConnection()
  return ssl_of(self)
end

function Info:dynamicMetadata()
  check(self)
  return setmetatable({ self[1] }, dynamic_class)
end

local Connection = {}
local connection_class = class(Connection)

function Connection:ssl()
  return ssl_of(self)
end

local Level = {}
local level_class = class(Level)

function Level:metadata()
  check(self)
  return setmetatable({ self[1], of = self.of }, metadata_class)
end

return scope, {
  check = check,
  checked = checked,
  class = class,
  text = text,
  headers = headers_class,
  buffer = buffer_class,
  metadata = metadata_class,
  info = info_class,
  connection = connection_class,
  level = level_class,
}
