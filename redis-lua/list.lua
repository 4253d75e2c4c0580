#!lua flags=no-writes,allow-cross-slot-keys
-- A page of one or several sorted sets, each in its order: by score, then by name. Each answers for itself. On a cluster
-- a call names one set by a key, which leads it to a node, and the others by arguments: what lies elsewhere is refused.
--
-- KEYS  1.. sets
-- ARGV  1 most of each  2 whatever the score "1" or only up to now "0"  3 score and 4 name of the entry to go on after, or ""
--       5.. more sets
-- Reply { now, set, ... } with each set { name, score, ... } or the text of its failure
-- @include record

local at = now()

-- By bytes, as Redis orders names of one score. The language's own order is that of the server's locale.
local function is_before(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then
      return a < b
    end
  end
  return #one < #other
end

-- How many entries lie at a place or before it.
local function count_to(set, score, name)
  local low = redis.call('ZCOUNT', set, '-inf', '(' .. score)
  local high = redis.call('ZCOUNT', set, '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_before(name, redis.call('ZRANGE', set, middle, middle)[1]) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

local function page(set)
  local first = ARGV[3] == '' and 0 or count_to(set, ARGV[3], ARGV[4])
  local found = redis.call('ZRANGE', set, first, first + tonumber(ARGV[1]) - 1, 'WITHSCORES')
  if ARGV[2] == '0' then
    while #found > 0 and tonumber(found[#found]) > at do
      found[#found] = nil
      found[#found] = nil
    end
  end
  return found
end

local reply = { text(at) }
local function add(set)
  local ok, found = pcall(page, set)
  if not ok then
    found = type(found) == 'table' and found.err or tostring(found)
  end
  reply[#reply + 1] = found
end
for _, set in ipairs(KEYS) do
  add(set)
end
for i = 5, #ARGV do
  add(ARGV[i])
end
return reply
