-- What configurations written for Lua 5.1 and LuaJIT use and Lua 5.4 no longer has. Values and
-- edge cases are those of 5.1, not of 5.2's or 5.3's compatibility modes.

unpack = unpack or table.unpack
loadstring = loadstring or load

function table.getn(t) return #t end

function table.maxn(t)
  local most = 0
  for key in pairs(t) do
    if type(key) == "number" and key > most then most = key end
  end
  return most
end

function table.foreach(t, f)
  for key, value in pairs(t) do
    local result = f(key, value)
    if result ~= nil then return result end
  end
end

function table.foreachi(t, f)
  for index = 1, #t do
    local result = f(index, t[index])
    if result ~= nil then return result end
  end
end

string.gfind = string.gmatch

math.pow = function(x, y) return x ^ y end
math.mod = math.fmod
math.log10 = function(x) return math.log(x, 10) end
math.ldexp = function(m, e) return m * 2.0 ^ e end
math.cosh = function(x) return (math.exp(x) + math.exp(-x)) / 2 end
math.sinh = function(x) return (math.exp(x) - math.exp(-x)) / 2 end
math.tanh = function(x)
  local e = math.exp(2 * x)
  return e == math.huge and 1 or (e - 1) / (e + 1)
end
math.frexp = function(x)
  if x == 0 or x ~= x or x == math.huge or x == -math.huge then return x, 0 end
  local e = math.floor(math.log(math.abs(x), 2)) + 1
  local m = x / 2.0 ^ e
  if math.abs(m) >= 1 then m, e = m / 2, e + 1 end
  return m, e
end

-- Functions are given by themselves, or by their level on the stack as seen by the caller.
local function function_of(f)
  if type(f) == "function" then return f end
  return debug.getinfo((f or 1) + 2, "f").func
end

local function environment_upvalue(f)
  for index = 1, 255 do
    local name = debug.getupvalue(f, index)
    if name == "_ENV" then return index end
    if name == nil then return nil end
  end
end

function getfenv(f)
  if f == 0 then return _G end
  f = function_of(f)
  local index = environment_upvalue(f)
  if index == nil then return _G end
  local _, environment = debug.getupvalue(f, index)
  return environment
end

function setfenv(f, environment)
  f = function_of(f)
  local index = environment_upvalue(f)
  if index ~= nil then
    -- A cell of its own, so that other functions of the chunk keep theirs.
    debug.upvaluejoin(f, index, function() return environment end, 1)
  end
  return f
end

-- One kind of number: a whole one has no ".0".
local plain_tostring = tostring
function tostring(value)
  if math.type(value) == "float" and value == math.floor(value) and math.abs(value) < 1e15 then
    return string.format("%.0f", value)
  end
  return plain_tostring(value)
end

-- %d and its like cut a fraction off.
local plain_format = string.format
function string.format(text, ...)
  local arguments = table.pack(...)
  local index = 0
  for conversion in string.gmatch((string.gsub(text, "%%%%", "")), "%%[-+ #0-9.]*(%a)") do
    index = index + 1
    local value = arguments[index]
    if type(value) == "string" and string.find("cdiouxX", conversion, 1, true) then
      value = tonumber(value)
    end
    if math.type(value) == "float" then
      if string.find("cdiouxX", conversion, 1, true) then
        arguments[index] = math.tointeger(value >= 0 and math.floor(value) or math.ceil(value)) or value
      elseif conversion == "s" then
        arguments[index] = tostring(value)
      end
    end
  end
  return plain_format(text, table.unpack(arguments, 1, arguments.n))
end
