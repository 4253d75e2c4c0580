-- Spends a use of a rule that stands and has room in its budget: counts it, and keeps it among the uses of the owner. Of these
-- "next" is the last number given, "<number>" = "<name> <JSON>" a use, and "=<name>" = "<number> <rule>" says that it is known.
-- The name has the rule in it, since a call may be counted on several. Numbers grow by one, so the oldest that is kept is found by
-- its number.
--
-- KEYS  1 rules  2 uses
-- ARGV  1 rule  2 name of the use  3 use as JSON without its end  4 most uses kept  5 uses are kept for ms
-- Reply spent | known | used_up | gone
-- @include rule
-- @include writes

local rules, uses, id = KEYS[1], KEYS[2], ARGV[1]
local name = ARGV[2] .. ':' .. redis.sha1hex(id)
local stored = redis.call('HGET', rules, 'r:' .. id)
if not stored then
  return 'gone'
end
local ends, budget = rule_in(stored)
if not ends then
  damaged('rule')
end
local at = now()
if ends <= at then
  return 'gone'
end
if string.match(redis.call('HGET', uses, '=' .. name) or '', '^%d+ (.*)$') == id then
  return 'known'
end
-- What is missing was not written: a count begins with its rule.
local used = whole(redis.call('HGET', rules, 'n:' .. id), 'count of a rule')
if budget > 0 and used >= budget then
  return 'used_up'
end
local number = counted(redis.call('HGET', uses, 'next')) + 1
write('HSET', rules, 'n:' .. id, text(used + 1))
local use = name .. ' ' .. ARGV[3] .. ',"at":' .. text(at) .. '}'
write('HSET', uses, 'next', text(number), text(number), use, '=' .. name, text(number) .. ' ' .. id)
local oldest = text(number - tonumber(ARGV[4]))
local pushed_out = string.match(redis.call('HGET', uses, oldest) or '', '^(%S+) ')
if pushed_out and pushed_out ~= name then
  local known = redis.call('HGET', uses, '=' .. pushed_out)
  if known and string.match(known, '^(%d+) ') == oldest then
    write('HDEL', uses, '=' .. pushed_out)
  end
end
write('HDEL', uses, oldest)
write('PEXPIRE', uses, ARGV[5])
make_writes()
return 'spent'
