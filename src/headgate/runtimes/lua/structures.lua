-- Values between Lua and the proxy: JSON text, since tables themselves never leave the Lua state.
-- Returns encode(value) -> text and decode(text) -> value.

local byte, char, find, format, gsub, sub = string.byte, string.char, string.find, string.format, string.gsub, string.sub
local concat, error, pairs, tonumber, tostring, type = table.concat, error, pairs, tonumber, tostring, type

local DEEPEST = 32

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\" }

local function quoted(text)
  return '"' .. gsub(text, '[%c"\\]', function(c)
    return escapes[c] or format("\\u%04x", byte(c))
  end) .. '"'
end

local encode

local function encode_table(value, depth)
  if depth > DEEPEST then
    error("a table is nested too deeply, or holds itself", 0)
  end
  local parts = {}
  local count = #value
  if count > 0 then
    for i = 1, count do
      parts[i] = encode(value[i], depth + 1)
    end
    return "[" .. concat(parts, ",") .. "]"
  end
  for key, item in pairs(value) do
    parts[#parts + 1] = quoted(tostring(key)) .. ":" .. encode(item, depth + 1)
  end
  return "{" .. concat(parts, ",") .. "}"
end

function encode(value, depth)
  local kind = type(value)
  if kind == "table" then
    return encode_table(value, depth or 1)
  elseif kind == "string" then
    return quoted(value)
  elseif kind == "number" then
    if value ~= value or value == 1 / 0 or value == -1 / 0 then
      error("a number that is not finite cannot be kept", 0)
    end
    return format("%.17g", value)
  elseif kind == "boolean" then
    return tostring(value)
  elseif kind == "nil" then
    return "null"
  end
  error("a " .. kind .. " cannot be kept", 0)
end

local unescapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function unescape(code, rest)
  if code == "u" then -- only control characters are written so
    return char(tonumber(rest, 16))
  end
  return (unescapes[code] or code) .. rest
end

local function decode_string(text, at)
  local from = at + 1
  local escaped = false
  while true do
    local stop = find(text, '["\\]', from)
    if byte(text, stop) == 34 then
      local raw = sub(text, at + 1, stop - 1)
      if escaped then
        raw = gsub(raw, "\\(.)(%x?%x?%x?%x?)", unescape)
      end
      return raw, stop + 1
    end
    escaped = true
    from = stop + 2
  end
end

local decode_value

local function decode_list(text, at)
  local list = {}
  at = at + 1
  while byte(text, at) ~= 93 do
    list[#list + 1], at = decode_value(text, at)
    if byte(text, at) == 44 then
      at = at + 1
    end
  end
  return list, at + 1
end

local function decode_object(text, at)
  local object = {}
  at = at + 1
  while byte(text, at) ~= 125 do
    local key
    key, at = decode_string(text, at)
    object[key], at = decode_value(text, at + 1)
    if byte(text, at) == 44 then
      at = at + 1
    end
  end
  return object, at + 1
end

function decode_value(text, at)
  local c = byte(text, at)
  if c == 34 then
    return decode_string(text, at)
  elseif c == 123 then
    return decode_object(text, at)
  elseif c == 91 then
    return decode_list(text, at)
  elseif c == 116 then
    return true, at + 4
  elseif c == 102 then
    return false, at + 5
  elseif c == 110 then
    return nil, at + 4
  end
  local _, stop = find(text, "^[%d.eE+-]+", at)
  return tonumber(sub(text, at, stop)), stop + 1
end

-- Reads what the proxy wrote: compact, ASCII escapes for control characters only.
local function decode(text)
  return (decode_value(text, 1))
end

return encode, decode
