-- The rules of an owner that stand.
--
-- KEYS  1 rules
-- ARGV  none
-- Reply { the stored rule, how often it was used, ... }; what can't be read is left out
-- @include rule

local at = now()
local flat = redis.call('HGETALL', KEYS[1])
local known, found = fields(flat), {}
for field, stored in pairs(known) do
  local id = string.match(field, '^r:(.*)$')
  local ends = id and rule_in(stored)
  if ends and ends > at then
    found[#found + 1] = stored
    found[#found + 1] = text(counted(known['n:' .. id]))
  end
end
return found
