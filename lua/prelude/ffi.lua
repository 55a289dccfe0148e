-- What configurations for LuaJIT take from its module "ffi". There is no foreign function here: ffi.C
-- is a table of our own functions, pointers to pointers and to numbers are tables with an index 0,
-- a "const char*" is a string, and a buffer is a table that holds a string.

local ffi = {C = {}}

-- Reading b[i] gives the byte, as of "char[N]". What functions and ffi.copy put there is `bytes`.
local buffer = {
  __index = function(b, i)
    if type(i) ~= "number" then return nil end
    if i < 0 or i >= rawget(b, "size") then return nil end
    return string.byte(rawget(b, "bytes"), i + 1) or 0
  end,
  __newindex = function(b, i, value)
    local bytes = rawget(b, "bytes")
    if type(i) ~= "number" or i < 0 or i >= rawget(b, "size") then
      error("index " .. tostring(i) .. " is outside of the buffer", 2)
    end
    bytes = bytes .. string.rep("\0", i + 1 - #bytes)
    rawset(b, "bytes", bytes:sub(1, i) .. string.char(value & 255) .. bytes:sub(i + 2))
  end,
  __len = function(b) return rawget(b, "size") end
}

local most = 1048576

local function count_of(declared, given)
  local count = declared == "?" and given or declared == "" and 1 or declared
  count = math.tointeger(tonumber(count))
  if count == nil or count < 0 or count > most then
    error("ffi.new: a number of elements, 0 to " .. most .. ", is missing", 3)
  end
  return count
end

-- The base type, whether it is a pointer, and what stands in the brackets; nil: no array.
local function parse(ctype)
  if type(ctype) ~= "string" then error("ffi: the name of a type is expected, as a string", 3) end
  local name, count = ctype:match("^%s*(.-)%s*%[%s*([%d?]*)%s*%]%s*$")
  name = (name or ctype):gsub("%f[%w]const%f[%W]", ""):gsub("%f[%w]struct%f[%W]", "")
  local pointer = name:find("*", 1, true) ~= nil
  return name:gsub("[%s*]", ""), pointer, count
end

local bytewise = {char = true, uint8_t = true, int8_t = true, unsignedchar = true, signedchar = true}

local function element(name, pointer)
  if pointer then return nil end
  if name:find("^dnsdist_ffi_") or name:find("^dns") then return {} end
  if name == "bool" then return false end
  return 0
end

function ffi.new(ctype, ...)
  local name, pointer, declared = parse(ctype)
  local initial = {...}
  if declared == nil then
    if initial[1] ~= nil then return initial[1] end
    return element(name, pointer)
  end
  local count = count_of(declared, initial[1])
  if declared == "?" then table.remove(initial, 1) end
  if bytewise[name] and not pointer then
    local text = type(initial[1]) == "string" and initial[1]:sub(1, count) or ""
    return setmetatable({bytes = text, size = count}, buffer)
  end
  local values = type(initial[1]) == "table" and initial[1] or initial
  local array = {}
  for i = 0, count - 1 do
    local value = values[i + 1]
    if value == nil then value = element(name, pointer) end
    array[i] = value
  end
  return array
end

-- The first `length` bytes; without a length up to the first zero, as of a C string in a buffer.
function ffi.string(value, length)
  local text = value
  if type(value) == "table" then
    text = getmetatable(value) == buffer and rawget(value, "bytes") or rawget(value, 0)
    if type(text) == "string" and length == nil then text = text:match("^[^\0]*") end
  end
  if type(text) ~= "string" then error("ffi.string: a string or a buffer is expected", 2) end
  if length == nil then return text end
  if type(length) == "table" then length = rawget(length, 0) end
  length = math.tointeger(tonumber(length))
  if length == nil or length < 0 then error("ffi.string: the length is no number of bytes", 2) end
  if type(value) == "table" and length > #text then text = text .. string.rep("\0", math.min(length, #value) - #text) end
  if length > #text then error("ffi.string: there are " .. #text .. " bytes only", 2) end
  return text:sub(1, length)
end

function ffi.copy(to, from, length)
  if type(to) ~= "table" or getmetatable(to) ~= buffer then error("ffi.copy: a buffer is expected", 2) end
  local text = ffi.string(from, length)
  if length == nil then text = text .. "\0" end
  if #text > rawget(to, "size") then error("ffi.copy: the buffer has " .. rawget(to, "size") .. " bytes only", 2) end
  rawset(to, "bytes", text .. rawget(to, "bytes"):sub(#text + 1))
end

-- Pointers have no types here.
function ffi.cast(ctype, value)
  parse(ctype)
  return value
end

function ffi.typeof(ctype)
  parse(ctype)
  return setmetatable({}, {__call = function(_, ...) return ffi.new(ctype, ...) end})
end

-- The functions and types of dnsdist's interface are known already, so declarations of them add
-- nothing. Other functions of C are not there.
function ffi.cdef(text)
  if type(text) ~= "string" then error("ffi.cdef: a string is expected", 2) end
  local plain = text:gsub("/%*.-%*/", " "):gsub("//[^\n]*", " "):gsub("%b{}", " ")
  for name in plain:gmatch("([%a_][%w_]*)%s*%b()") do
    if not name:find("^dnsdist_ffi_") then
      error("ffi.cdef: there is no function " .. name .. "() here, only those of ffi.C", 2)
    end
  end
end

function ffi.load(name)
  error("ffi.load: libraries are not loaded here: there is ffi.C alone (" .. tostring(name) .. ")", 2)
end

setmetatable(ffi.C, {
  __index = function(_, name)
    error("ffi.C." .. tostring(name) .. " is not there", 2)
  end
})

package.loaded.ffi = ffi
