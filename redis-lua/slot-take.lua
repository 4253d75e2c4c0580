-- Takes or retakes a stream's slot for a holder, unless the user's other streams use up the limit.
--
-- KEYS  1 slots
-- ARGV  1 stream  2 holder  3 limit  4 for ms
-- Reply 1 taken | 0 not
-- @include record
-- @include writes

local at = now()
local others = 0
local lapsed = {}
local known = redis.call('HGETALL', KEYS[1])
for i = 1, #known, 2 do
  -- What can't be read holds nothing; the stream's own is set anew.
  if known[i] ~= ARGV[1] then
    if counted(string.match(known[i + 1], '^(%d+) ')) > at then
      others = others + 1
    else
      lapsed[#lapsed + 1] = known[i]
    end
  end
end
if others >= tonumber(ARGV[3]) then
  return 0
end
write('HSET', KEYS[1], ARGV[1], text(at + tonumber(ARGV[4])) .. ' ' .. ARGV[2])
for _, stream in ipairs(lapsed) do
  write('HDEL', KEYS[1], stream)
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then
  write('PEXPIRE', KEYS[1], ARGV[4])
end
make_writes()
return 1
