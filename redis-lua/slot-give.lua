-- Gives a slot back, if its holder still holds it, and says which streams wait for one.
--
-- KEYS  1 slots
-- ARGV  1 stream  2 holder  3 most streams that are named
-- Reply { stream, ... } those that wait, the longest first
-- @include record
-- @include slots

local at = now()
local waiting = {}
local known = redis.call('HGETALL', KEYS[1])
for i = 1, #known, 2 do
  local wait = wait_in(known[i + 1], at)
  if wait then
    waiting[#waiting + 1] = { stream = known[i], since = wait.since }
  elseif known[i] == ARGV[1] and string.match(known[i + 1], '^%d+ (.*)$') == ARGV[2] then
    redis.call('HDEL', KEYS[1], ARGV[1])
  end
end
table.sort(waiting, function(one, other)
  return one.since < other.since or (one.since == other.since and one.stream < other.stream)
end)
local named = {}
for index = 1, math.min(#waiting, tonumber(ARGV[3])) do
  named[index] = waiting[index].stream
end
return named
