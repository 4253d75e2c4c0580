-- Takes a rule back, and marks its id: see include/rule.lua. One that can't be read goes as well.
--
-- KEYS  1 rules
-- ARGV  1 id  2 the mark is kept for ms
-- Reply 1 when a rule stood | 0
-- @include rule
-- @include writes

local stored = redis.call('HGET', KEYS[1], 'r:' .. ARGV[1])
if not stored then
  return 0
end
local at = now()
local ends = rule_in(stored)
write('HSET', KEYS[1], 'x:' .. ARGV[1], text(at + tonumber(ARGV[2])))
write('HDEL', KEYS[1], 'r:' .. ARGV[1], 'n:' .. ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  write('PEXPIRE', KEYS[1], ARGV[2])
end
make_writes()
return (not ends or ends > at) and 1 or 0
