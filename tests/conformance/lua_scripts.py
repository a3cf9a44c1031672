"""Scripts that run in Envoy and here, with the requests that they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Case = tuple[str, str, Mapping[str, str], bytes | None]

_INNER = '[":path"] = "/inner?a=b", [":authority"] = "inner.test"'


def signature_script() -> str:
    """A script that verifies right and wrong signatures of an RSA and an EC key, by the hash function that a header names."""
    keys: list[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
    ]
    data = b"signed \0 data"
    lines = ["local keys, signatures, data = {}, {}, unhex('" + data.hex() + "')"]
    for number, key in enumerate(keys, 1):
        der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        lines.append(f"keys[{number}] = unhex('{der.hex()}')  signatures[{number}] = {{}}")
        for algorithm in (hashes.SHA1(), hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
            if isinstance(key, rsa.RSAPrivateKey):
                signature = key.sign(data, padding.PKCS1v15(), algorithm)
            else:
                signature = key.sign(data, ec.ECDSA(algorithm))
            lines.append(f"signatures[{number}].{algorithm.name} = unhex('{signature.hex()}')")
    return _SIGNATURES.replace("--KEYS--", "\n".join(lines))


_SIGNATURES = """
local function unhex(text)
  return (text:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end))
end
--KEYS--
local function check(handle, said, ...)
  local ok, message = handle:verifySignature(...)
  said[#said + 1] = tostring(ok) .. " " .. tostring(message)
end
local function try(handle, said, number)
  local hash = handle:headers():get("hash")
  local key = handle:importPublicKey(keys[number], #keys[number]):get()
  local right = signatures[number][hash:lower()] or signatures[number].sha1
  check(handle, said, hash, key, right, #right, data, #data)
  check(handle, said, hash, key, right, #right, data, #data - 1)
  check(handle, said, hash, key, right, #right - 1, data, #data)
end
function envoy_on_request(handle)
  local said = {}
  try(handle, said, 1)
  handle:streamInfo():dynamicMetadata():set("mine", "said", said)
  local ok, message = pcall(handle.verifySignature, handle, "sha256", "none", "", 0, "", 0)
  handle:headers():add("x-unknown", tostring(ok) .. (tostring(message):gsub("^.-:%d+: ", "")))
end
function envoy_on_response(handle)
  local said = handle:streamInfo():dynamicMetadata():get("mine").said
  try(handle, said, 2)
  handle:headers():add("x-said", table.concat(said, "|"))
end"""

SCRIPTS: dict[str, tuple[str, Sequence[Case]]] = {
    "the article's check": (
        """
function envoy_on_request(handle)
  if handle:headers():get("user") ~= "admin" then
    handle:respond({[":status"] = "403", ["x-why"] = "user"}, "forbidden")
  end
end""",
        [("GET", "/", {}, None), ("GET", "/", {"User": "admin"}, None), ("POST", "/", {"User": "Admin"}, b"body")],
    ),
    "headers read and changed": (
        """
function envoy_on_request(handle)
  local h = handle:headers()
  h:add("x-a", tostring(h:get("A")))
  h:add("x-none", tostring((h:get("none"))))
  h:add("x-count", tostring(h:getNumValues("a")) .. tostring(h:getAtIndex("a", 0)) .. tostring((h:getAtIndex("a", 7))))
  h:remove("b")
  h:replace("c", "new")
  h:replace("d", "made")
  h:add("x-pseudo", h:get(":method") .. h:get(":path") .. h:get(":authority") .. h:get(":scheme"))
end""",
        [("GET", "/p?q=1", {"a": "1", "b": "2", "c": "3", "Host": "site.test"}, None)],
    ),
    "path, method and authority rewritten": (
        """
function envoy_on_request(handle)
  handle:headers():replace(":path", "/rewritten?" .. handle:headers():get(":path"):sub(2))
  handle:headers():replace(":method", "PUT")
  handle:headers():replace(":authority", "other.test")
end""",
        [("GET", "/abc", {}, None), ("POST", "/abc", {}, b"x")],
    ),
    "headers iterated": (
        """
function envoy_on_request(handle)
  local names = {}
  for key, value in pairs(handle:headers()) do
    if key:sub(1, 2) == "x-" and key:sub(1, 4) == "x-my" or key:sub(1, 1) == ":" then names[#names + 1] = key .. "=" .. value end
  end
  table.sort(names)
  handle:respond({[":status"] = "200"}, table.concat(names, "\\n"))
end""",
        [("GET", "/it", {"X-My-A": "1", "X-My-B": "two words", "Host": "h.test"}, None)],
    ),
    "response changed": (
        """
function envoy_on_response(handle)
  local h = handle:headers()
  h:add("x-status", h:get(":status"))
  h:replace(":status", "201")
  h:remove("x-gone")
  h:replace("x-kept", "changed")
end""",
        [("GET", "/", {}, None), ("GET", "/missing", {}, None)],
    ),
    "bodies": (
        """
function envoy_on_request(handle)
  local body = handle:body()
  if body == nil then handle:headers():add("x-body", "none") return end
  handle:headers():add("x-body", body:length() .. ":" .. body:getBytes(0, 2))
  body:setBytes("<" .. body:getBytes(0, body:length()) .. ">")
end
function envoy_on_response(handle)
  local body = handle:body(true)
  local text = body:getBytes(0, body:length())
  handle:headers():add("x-length", tostring(body:setBytes(text:upper() .. "!")))
end""",
        [("GET", "/", {}, None), ("POST", "/", {}, b"hello"), ("POST", "/", {}, b"x" * 50_000)],
    ),
    "a call to a cluster": (
        f"""
function envoy_on_request(handle)
  local headers, body = handle:httpCall("upstream", {{[":method"] = "POST", {_INNER}, ["x-mine"] = "1"}}, "question", 5000)
  handle:headers():add("x-inner", headers[":status"] .. " " .. headers["x-kept"] .. " " .. body)
  if body == "backend: question" then handle:headers():add("x-equal", "yes") end
end""",
        [("GET", "/", {}, None), ("POST", "/", {}, b"outer body")],
    ),
    "a reply made of a call's answer": (
        f"""
function envoy_on_request(handle)
  local headers, body = handle:httpCall("upstream", {{[":method"] = "GET", {_INNER}}}, nil, 5000)
  handle:respond({{[":status"] = "418", ["x-from"] = headers["x-kept"]}}, body .. "|" .. handle:headers():get(":path"))
end
function envoy_on_response(handle)
  handle:headers():add("x-way-back", "yes")
end""",
        [("GET", "/tea", {}, None)],
    ),
    "faults let the request pass": (
        """
function envoy_on_request(handle)
  handle:headers():add("x-before", "1")
  local what = handle:headers():get("do")
  if what == "error" then error("boom") end
  if what == "nil" then local x = nothing.at end
  if what == "yield" then coroutine.yield() end
  if what == "status" then handle:respond({[":status"] = "42"}, "") end
  if what == "bytes" then handle:body(true):getBytes(5, 100) end
  if what == "cluster" then handle:httpCall("nowhere", {[":method"] = "GET", [":path"] = "/", [":authority"] = "a"}, nil, 100) end
  handle:headers():add("x-after", "1")
end
function envoy_on_response(handle)
  handle:respond({[":status"] = "500"}, "too late")
end""",
        [("GET", "/", {"do": what}, None) for what in ("nothing", "error", "nil", "yield", "status", "bytes", "cluster")],
    ),
    "values along the stream": (
        """
local calls = 0
function envoy_on_request(handle)
  local info = handle:streamInfo()
  info:dynamicMetadata():set("mine", "key", "value")
  info:dynamicMetadata():set("mine", "number", 7)
  handle:headers():add("x-protocol", info:protocol())
  handle:headers():add("x-64", handle:base64Escape("a b\\255"))
  handle:headers():add("x-ssl", tostring((handle:connection():ssl())))
  handle:headers():add("x-time", tostring(#handle:timestampString()))
end
function envoy_on_response(handle)
  local mine = handle:streamInfo():dynamicMetadata():get("mine")
  handle:headers():add("x-mine", mine.key .. mine.number)
  handle:headers():add("x-none", tostring((handle:streamInfo():dynamicMetadata():get("other"))))
end""",
        [("GET", "/", {}, None)],
    ),
    "bodies in passing": (
        """
local function mark(handle)
  local whole = ""
  for chunk in handle:bodyChunks() do
    local text = chunk:getBytes(0, chunk:length())
    whole = whole .. text
    chunk:setBytes(text:upper())
  end
  return whole
end
function envoy_on_request(handle)
  local length = #mark(handle)
  handle:streamInfo():dynamicMetadata():set("mine", "length", length)
  handle:streamInfo():dynamicMetadata():set("mine", "trailers", tostring((handle:trailers())))
end
function envoy_on_response(handle)
  local mine = handle:streamInfo():dynamicMetadata():get("mine")
  handle:headers():add("x-length", tostring(mine.length))
  handle:headers():add("x-trailers", mine.trailers)
  mark(handle)
end""",
        [("GET", "/", {}, None), ("POST", "/", {}, b"hello"), ("POST", "/", {}, b"y" * 200_000)],
    ),
    "what cannot be done behind the head": (
        """
function envoy_on_request(handle)
  local what = handle:headers():get("do")
  handle:headers():add("x-before", "1")
  if what == "break" then for chunk in handle:bodyChunks() do chunk:setBytes("AB") break end return end
  if what == "late" then handle:trailers() handle:headers():add("x-late", "1") end
  if what == "again" then handle:body() handle:bodyChunks() end
  local function try(call, ...)
    local ok, message = pcall(call, ...)
    handle:streamInfo():dynamicMetadata():set("mine", "said", (tostring(message):gsub("^.-:%d+: ", ""):sub(1, 26)))
  end
  for chunk in handle:bodyChunks() do
    if what == "add" then try(handle:headers().add, handle:headers(), "a", "1") end
    if what == "respond" then try(handle.respond, handle, {[":status"] = "400"}, "no") end
    if what == "chunks" then try(handle.bodyChunks, handle) end
    if what == "body" then try(handle.body, handle) end
  end
  if what == "after" then try(handle.body, handle) end
  if what == "none" then handle:headers():add("x-none", tostring((handle:body()))) end
end
function envoy_on_response(handle)
  local mine = handle:streamInfo():dynamicMetadata():get("mine")
  handle:headers():add("x-said", mine and mine.said or "nothing")
end""",
        [
            *(("POST", "/", {"do": what}, b"ab") for what in ("break", "late", "again", "add", "respond", "chunks", "body", "after")),
            ("GET", "/", {"do": "none"}, None),
        ],
    ),
    "signatures": (
        signature_script(),
        [("GET", "/", {"hash": name}, None) for name in ("sha1", "sha224", "SHA256", "sha384", "sha512", "md5")],
    ),
    "what is not there, and Base64": (
        """
function envoy_on_request(handle)
  local info, connection = handle:streamInfo(), handle:connectionStreamInfo()
  local count = 0
  for _ in pairs(connection:dynamicMetadata()) do count = count + 1 end
  local said = {
    tostring((info:filterState():get("none"))), tostring((info:filterState():get("none", "field"))),
    tostring((info:dynamicTypedMetadata("none"))), tostring((connection:dynamicTypedMetadata("none"))),
    tostring((connection:dynamicMetadata():get("none"))), tostring(count), info:virtualClusterName(), info:requestedServerName(),
  }
  for _, text in ipairs({"YQBi", "YWI=", "YWI", "YW I=", "", "!!", "YWI=x", "_-8=", "Y", "YWI==", "Y==="}) do
    local bytes = handle:base64Decode(text)
    said[#said + 1] = bytes and #bytes .. bytes:gsub("%z", ".") or "nil"
  end
  said[#said + 1] = tostring(handle:importPublicKey("no key", 6):get())
  handle:respond({[":status"] = "200"}, table.concat(said, "|"))
end""",
        [("GET", "/", {}, None)],
    ),
}

TLS_FACTS = """
function envoy_on_request(handle)
  local ssl = handle:connection():ssl()
  local function of(name)
    local value = ssl[name](ssl)
    if type(value) == "table" then return name .. "={" .. table.concat(value, ",") .. "}" end
    return name .. "=" .. tostring(value)
  end
  local said = {}
  for _, name in ipairs({
    "peerCertificatePresented", "peerCertificateValidated", "subjectPeerCertificate", "issuerPeerCertificate",
    "serialNumberPeerCertificate", "sha256PeerCertificateDigest", "uriSanPeerCertificate", "dnsSansPeerCertificate", "oidsPeerCertificate",
    "validFromPeerCertificate",
    "expirationPeerCertificate", "urlEncodedPemEncodedPeerCertificate", "ciphersuiteId", "ciphersuiteString", "tlsVersion",
  }) do said[#said + 1] = of(name) end
  local name = ssl:parsedSubjectPeerCertificate()
  said[#said + 1] = name and name:commonName() .. "{" .. table.concat(name:organizationName(), ",") .. "}" or tostring(name)
  said[#said + 1] = handle:streamInfo():downstreamSslConnection():tlsVersion() .. handle:streamInfo():requestedServerName()
  said[#said + 1] = type(ssl:sessionId())
  handle:respond({[":status"] = "200"}, table.concat(said, "\\n"))
end"""
