-- A page of the uses of an owner's rules, the newest first: see rule-spend.lua.
--
-- KEYS  1 uses
-- ARGV  1 before this number, or ""  2 limit  3 most uses kept
-- Reply { number, use as JSON, ... }
-- @include record

local last = counted(redis.call('HGET', KEYS[1], 'next'))
local from = ARGV[1] ~= '' and math.min(counted(ARGV[1]) - 1, last) or last
local found = {}
for number = from, math.max(last - tonumber(ARGV[3]) + 1, 1), -1 do
  if #found >= 2 * tonumber(ARGV[2]) then
    break
  end
  local use = string.match(redis.call('HGET', KEYS[1], text(number)) or '', '^%S+ (.*)$')
  if use then
    found[#found + 1] = text(number)
    found[#found + 1] = use
  end
end
return found
