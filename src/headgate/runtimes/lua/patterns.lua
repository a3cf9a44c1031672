-- string.find, match, gmatch and gsub under the budget.
--
-- Lua's own run in C, where no budget reaches, and some patterns take a time that grows with a power of the subject's length. So the work
-- that a pattern could take is estimated first: what is harmless goes to Lua's own, the rest to the matcher below, which is written in Lua
-- and so ends with the handler's budget. Both give the same results (Lua 5.1 reference manual, section 5.4.1).

local byte, find, gmatch, gsub, match, sub = string.byte, string.find, string.gmatch, string.gsub, string.match, string.sub
local concat, error, setmetatable, tonumber, tostring, type, unpack = table.concat, error, setmetatable, tonumber, tostring, type, unpack

local HARMLESS = 1e6 -- steps, about 10 ms at worst

local function harmless(subject, pattern)
  local length = #subject
  local work = byte(pattern, 1) == 94 and 1 or length
  for i = 1, #pattern do
    local c = byte(pattern, i)
    if c == 42 or c == 43 or c == 45 or c == 98 then -- * + - and the b of %b
      work = work * length
    elseif c == 63 then -- ?
      work = work * 2
    end
    if work > HARMLESS then
      return false
    end
  end
  return true
end

-- The matcher: captures are kept in `starts` and `stops`; a stop of -1 is open, of -2 a position.

local Match = {}
Match.__index = Match

local function matcher(subject, pattern)
  return setmetatable({ s = subject, p = pattern, level = 0, starts = {}, stops = {}, ends = {}, classes = {} }, Match)
end

-- Behind the single-character class at a position of the pattern.
function Match:class_end(at)
  local known = self.ends[at]
  if known then
    return known
  end
  local p, stop = self.p, at + 1
  local c = byte(p, at)
  if c == 37 then
    if at == #p then
      error("malformed pattern (ends with '%')", 0)
    end
    stop = at + 2
  elseif c == 91 then
    if byte(p, stop) == 94 then
      stop = stop + 1
    end
    repeat
      local inner = byte(p, stop)
      if not inner then
        error("malformed pattern (missing ']')", 0)
      end
      stop = stop + (inner == 37 and 2 or 1)
    until byte(p, stop) == 93
    stop = stop + 1
  end
  self.ends[at] = stop
  self.classes[at] = "^" .. sub(p, at, stop - 1)
  return stop
end

function Match:single(i, at)
  local s = self.s
  if i > #s then
    return false
  end
  local c = byte(self.p, at)
  if c == 46 then
    return true
  elseif c ~= 37 and c ~= 91 then
    return c == byte(s, i)
  end
  return find(sub(s, i, i), self.classes[at]) ~= nil
end

function Match:most(i, at, stop)
  local last = i
  while self:single(last, at) do
    last = last + 1
  end
  while last >= i do
    local found = self:from(last, stop + 1)
    if found then
      return found
    end
    last = last - 1
  end
end

function Match:least(i, at, stop)
  while true do
    local found = self:from(i, stop + 1)
    if found then
      return found
    elseif not self:single(i, at) then
      return nil
    end
    i = i + 1
  end
end

function Match:open(i, at, kind)
  self.level = self.level + 1
  self.starts[self.level], self.stops[self.level] = i, kind
  local found = self:from(i, at)
  if not found then
    self.level = self.level - 1
  end
  return found
end

function Match:close(i, at)
  local level = self.level
  while level > 0 and self.stops[level] ~= -1 do
    level = level - 1
  end
  if level == 0 then
    error("invalid pattern capture", 0)
  end
  self.stops[level] = i
  local found = self:from(i, at)
  if not found then
    self.stops[level] = -1
  end
  return found
end

function Match:balanced(i, at)
  local p, s = self.p, self.s
  local opening, closing = byte(p, at), byte(p, at + 1)
  if not closing then
    error("unbalanced pattern", 0)
  end
  if byte(s, i) ~= opening then
    return nil
  end
  local depth = 1
  for j = i + 1, #s do
    local c = byte(s, j)
    if c == closing then
      depth = depth - 1
      if depth == 0 then
        return j + 1
      end
    elseif c == opening then
      depth = depth + 1
    end
  end
end

-- Match the pattern from `at` on against the subject from `i` on; returns where the match ends.
function Match:from(i, at)
  local p, s = self.p, self.s
  while true do
    local c = byte(p, at)
    if not c then
      return i
    elseif c == 40 then
      if byte(p, at + 1) == 41 then
        return self:open(i, at + 2, -2)
      end
      return self:open(i, at + 1, -1)
    elseif c == 41 then
      return self:close(i, at + 1)
    elseif c == 36 and at == #p then
      return i == #s + 1 and i or nil
    end
    local escaped = c == 37 and byte(p, at + 1)
    if escaped == 98 then
      i = self:balanced(i, at + 2)
      if not i then
        return nil
      end
      at = at + 4
    elseif escaped and escaped >= 48 and escaped <= 57 then
      local level = escaped - 48
      if level == 0 or level > self.level or self.stops[level] == -1 then
        error("invalid capture index", 0)
      elseif self.stops[level] == -2 then
        return nil
      end
      local captured = sub(s, self.starts[level], self.stops[level] - 1)
      if sub(s, i, i + #captured - 1) ~= captured then
        return nil
      end
      i, at = i + #captured, at + 2
    else
      local stop
      if escaped == 102 then
        stop = self:class_end(at + 2)
        local class = self.classes[at + 2]
        local before = i == 1 and "\0" or sub(s, i - 1, i - 1)
        local here = i > #s and "\0" or sub(s, i, i)
        if find(before, class) or not find(here, class) then
          return nil
        end
        at = stop
      else
        stop = self:class_end(at)
        local suffix = byte(p, stop)
        if suffix == 42 then
          return self:most(i, at, stop)
        elseif suffix == 43 then
          return self:single(i, at) and self:most(i + 1, at, stop) or nil
        elseif suffix == 45 then
          return self:least(i, at, stop)
        elseif suffix == 63 then
          local found = self:single(i, at) and self:from(i + 1, stop + 1)
          if found then
            return found
          end
          at = stop + 1
        elseif self:single(i, at) then
          i, at = i + 1, stop
        else
          return nil
        end
      end
    end
  end
end

-- The first match from `init` on: start, behind its end, the matcher. literal: a ^ in front is no anchor (gmatch).
local function search(subject, pattern, init, literal)
  local anchored = not literal and byte(pattern, 1) == 94
  local found = matcher(subject, pattern)
  for i = init, anchored and init or #subject + 1 do
    found.level = 0
    local stop = found:from(i, anchored and 2 or 1)
    if stop then
      return i, stop, found
    end
  end
end

local function captures(found, from, stop, whole)
  local values = {}
  for level = 1, found.level do
    local last = found.stops[level]
    if last == -1 then
      error("unfinished capture", 0)
    end
    values[level] = last == -2 and found.starts[level] or sub(found.s, found.starts[level], last - 1)
  end
  if #values == 0 and whole then
    values[1] = sub(found.s, from, stop - 1)
  end
  return values
end

local function strings(subject, pattern)
  local ok = (type(subject) == "string" or type(subject) == "number") and (type(pattern) == "string" or type(pattern) == "number")
  return ok and tostring(subject), ok and tostring(pattern) -- anything else is left to Lua's own, for its message
end

local function first(init, length)
  init = type(init) == "number" and init or 1
  if init < 0 then
    init = length + init + 1
  end
  return init < 1 and 1 or init
end

local function safe_find(subject, pattern, init, plain)
  local s, p = strings(subject, pattern)
  if not s or plain or harmless(s, p) then
    return find(subject, pattern, init, plain)
  end
  local from, stop, found = search(s, p, first(init, #s))
  if from then
    return from, stop - 1, unpack(captures(found, from, stop, false))
  end
  return nil
end

local function safe_match(subject, pattern, init)
  local s, p = strings(subject, pattern)
  if not s or harmless(s, p) then
    return match(subject, pattern, init)
  end
  local from, stop, found = search(s, p, first(init, #s))
  if from then
    return unpack(captures(found, from, stop, true))
  end
  return nil
end

local function safe_gmatch(subject, pattern)
  local s, p = strings(subject, pattern)
  if not s or harmless(s, p) then
    return gmatch(subject, pattern)
  end
  local at = 1
  return function()
    if at > #s + 1 then
      return nil
    end
    local from, stop, found = search(s, p, at, true)
    if not from then
      at = #s + 2
      return nil
    end
    at = stop == from and stop + 1 or stop
    return unpack(captures(found, from, stop, true))
  end
end

local function expanded(replacement, values, whole)
  return (gsub(replacement, "%%(.)", function(c)
    if c == "0" then
      return whole
    end
    local index = tonumber(c)
    if not index then
      return c
    end
    local value = values[index]
    if value == nil then
      error("invalid capture index", 0)
    end
    return tostring(value)
  end))
end

local function replaced(replacement, values, whole)
  local kind, value = type(replacement), nil
  if kind == "function" then
    value = replacement(unpack(values))
  elseif kind == "table" then
    value = replacement[values[1]]
  else
    return expanded(tostring(replacement), values, whole)
  end
  if not value then
    return whole
  elseif type(value) ~= "string" and type(value) ~= "number" then
    error("invalid replacement value (a " .. type(value) .. ")", 0)
  end
  return tostring(value)
end

local function safe_gsub(subject, pattern, replacement, most)
  local s, p = strings(subject, pattern)
  if not s or harmless(s, p) then
    return gsub(subject, pattern, replacement, most)
  end
  local parts, count, at = {}, 0, 1
  local anchored = byte(p, 1) == 94
  while (not most or count < most) and at <= #s + 1 do
    local from, stop, found = search(s, p, at)
    if not from then
      break
    end
    count = count + 1
    local whole = sub(s, from, stop - 1)
    parts[#parts + 1] = sub(s, at, from - 1)
    parts[#parts + 1] = replaced(replacement, captures(found, from, stop, true), whole)
    at = stop
    if stop == from then
      parts[#parts + 1] = sub(s, at, at)
      at = at + 1
    end
    if anchored then
      break
    end
  end
  parts[#parts + 1] = sub(s, at)
  return concat(parts), count
end

return { find = safe_find, match = safe_match, gmatch = safe_gmatch, gsub = safe_gsub }
