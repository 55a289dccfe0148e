-- LuaJIT's bit library: operations on 32 bits with signed results.

local function unsigned(x)
  x = math.tointeger(x) or math.floor(x + 0.5)
  return x & 0xffffffff
end

local function signed(x)
  x = x & 0xffffffff
  if x >= 0x80000000 then return x - 0x100000000 end
  return x
end

local function fold(operation)
  return function(first, ...)
    local result = unsigned(first)
    for _, value in ipairs({...}) do result = operation(result, unsigned(value)) end
    return signed(result)
  end
end

bit = {
  tobit = function(x) return signed(unsigned(x)) end,
  band = fold(function(a, b) return a & b end),
  bor = fold(function(a, b) return a | b end),
  bxor = fold(function(a, b) return a ~ b end),
  bnot = function(x) return signed(~unsigned(x)) end,
  lshift = function(x, n) return signed(unsigned(x) << (n & 31)) end,
  rshift = function(x, n) return signed(unsigned(x) >> (n & 31)) end,
  arshift = function(x, n) return signed(signed(unsigned(x)) // (1 << (n & 31))) end,
  rol = function(x, n)
    x, n = unsigned(x), n & 31
    return signed(x << n | x >> (32 - n))
  end,
  ror = function(x, n)
    x, n = unsigned(x), n & 31
    return signed(x >> n | x << (32 - n))
  end,
  bswap = function(x)
    x = unsigned(x)
    return signed(x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24)
  end,
  tohex = function(x, digits)
    digits = digits or 8
    local text = string.format(digits < 0 and "%08X" or "%08x", unsigned(x))
    return string.sub(text, -math.min(math.abs(digits), 8))
  end,
}
package.loaded.bit = bit
