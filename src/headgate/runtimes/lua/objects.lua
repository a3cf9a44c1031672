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

-- A headers object: the handler's number, 0 for headers or 1 for trailers.
local Headers = {}
local headers_class = class(Headers, {
  __pairs = function(self)
    check(self)
    local count = checked(host.count(self[2]))
    local i = 0
    return function()
      check(self)
      i = i + 1
      if i <= count then
        return host.name_at(self[2], i), host.value_at(self[2], i)
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
  local value = host_get(self[2], name)
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
  return checked(host.get_at(self[2], text(name, "key"), index))
end

function Headers:getNumValues(name)
  check(self)
  return host.values(self[2], text(name, "key"))
end

function Headers:add(name, value)
  check(self)
  checked(host.add(self[2], text(name, "key"), text(value, "value")))
end

function Headers:replace(name, value)
  check(self)
  checked(host.set(self[2], text(name, "key"), text(value, "value")))
end

function Headers:remove(name)
  check(self)
  checked(host.remove(self[2], text(name, "key")))
end

function Headers:setHttp1ReasonPhrase(phrase)
  check(self)
  checked(host.reason(text(phrase, "reasonPhrase")))
end

-- Body ------------------------------------------------------------------------------------------------------------------------------

local Buffer = {}
local buffer_class = class(Buffer)

-- A chunk (whose second and third field are its handle and its number) is gone once the next one is asked for.
local function check_buffer(self)
  check(self, 4)
  if self[2] and self[2].chunk ~= self[3] then
    error("object used outside of proper scope", 3)
  end
end

function Buffer:length()
  check_buffer(self)
  return host.body_length()
end

function Buffer:getBytes(index, length)
  check_buffer(self)
  if type(index) ~= "number" or type(length) ~= "number" then
    error("getBytes takes an index and a length", 2)
  end
  return checked(host.body_bytes(index, length))
end

function Buffer:setBytes(bytes)
  check_buffer(self)
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
  return host.tls("there") and setmetatable({ self[1] }, ssl_class) or nil
end

for method, question in pairs({ peerCertificatePresented = "presented", peerCertificateValidated = "validated" }) do
  Ssl[method] = function(self)
    check(self)
    return host.tls(question) or false
  end
end

for method, fact in pairs({
  subjectPeerCertificate = "subject",
  issuerPeerCertificate = "issuer",
  serialNumberPeerCertificate = "serial",
  sha256PeerCertificateDigest = "sha256",
  urlEncodedPemEncodedPeerCertificate = "pem",
  sessionId = "session",
  ciphersuiteId = "cipher_id",
  ciphersuiteString = "cipher",
  tlsVersion = "version",
}) do
  Ssl[method] = function(self)
    check(self)
    return checked(host.tls_text(fact))
  end
end

for method, fact in pairs({ uriSanPeerCertificate = "uris", dnsSansPeerCertificate = "dns_names", oidsPeerCertificate = "oids" }) do
  Ssl[method] = function(self)
    check(self)
    return decode(checked(host.tls_list(fact)))
  end
end

for method, fact in pairs({ validFromPeerCertificate = "valid_from", expirationPeerCertificate = "valid_to" }) do
  Ssl[method] = function(self)
    check(self)
    return host.tls_time(fact)
  end
end

local Name = {}
local name_class = class(Name)

function Ssl:parsedSubjectPeerCertificate()
  check(self)
  return host.tls("presented") and setmetatable({ self[1] }, name_class) or nil
end

function Name:commonName()
  check(self)
  return checked(host.tls_text("common_name"))
end

function Name:organizationName()
  check(self)
  return decode(checked(host.tls_list("organizations")))
end

function Info:downstreamSslConnection()
  return ssl_of(self)
end

function Info:dynamicMetadata()
  check(self)
  return setmetatable({ self[1] }, dynamic_class)
end

-- Typed metadata is Envoy's messages: nothing here makes any.
function Info:dynamicTypedMetadata(filter)
  check(self)
  text(filter, "filterName")
  return nil
end

local State = {}
local state_class = class(State)

function State:get(name, field)
  check(self)
  return checked(host.state(text(name, "objectName"), field ~= nil and text(field, "fieldName") or nil))
end

function Info:filterState()
  check(self)
  return setmetatable({ self[1] }, state_class)
end

-- What is known of a connection beside its streams: nothing here sets any, so it is empty.
local Nothing = {}
local nothing_class = class(Nothing, {
  __pairs = function(self)
    check(self)
    return next, {}, nil
  end,
})

function Nothing:get(filter)
  check(self)
  text(filter, "filterName")
  return nil
end

local ConnectionInfo = {}
local connection_info_class = class(ConnectionInfo)

function ConnectionInfo:dynamicMetadata()
  check(self)
  return setmetatable({ self[1] }, nothing_class)
end

ConnectionInfo.dynamicTypedMetadata = Info.dynamicTypedMetadata

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
  connection_info = connection_info_class,
  level = level_class,
}
