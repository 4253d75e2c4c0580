-- Takes or retakes a stream's slot for a holder, unless the user's other streams use up the limit.
--
-- KEYS  1 slots
-- ARGV  1 stream  2 holder  3 limit  4 for ms
-- Reply 1 taken | 0 not
-- @include record
-- @include writes

local at = now()
local others = 0
local known = redis.call('HGETALL', KEYS[1])
for i = 1, #known, 2 do
  -- What can't be read holds nothing.
  if counted(string.match(known[i + 1], '^(%d+) ')) <= at then
    write('HDEL', KEYS[1], known[i])
  elseif known[i] ~= ARGV[1] then
    others = others + 1
  end
end
if others >= tonumber(ARGV[3]) then
  return 0
end
write('HSET', KEYS[1], ARGV[1], text(at + tonumber(ARGV[4])) .. ' ' .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then
  write('PEXPIRE', KEYS[1], ARGV[4])
end
make_writes()
return 1
