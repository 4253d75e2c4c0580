-- Remembers a run under an idempotency key, unless one is remembered.
--
-- KEYS  1 runs
-- ARGV  1 idempotency key  2 run as JSON  3 for ms
-- Reply the run that is remembered, as JSON
-- @include record
-- @include writes

local at = now()
local known = redis.call('HGETALL', KEYS[1])
local remembered
for i = 1, #known, 2 do
  local ends, run = string.match(known[i + 1], '^(%d+) (.*)$')
  local decoded = try_decode(run)
  -- What can't be read is not remembered.
  if counted(ends) <= at or type(decoded) ~= 'table' or type(decoded.streamId) ~= 'string' then
    write('HDEL', KEYS[1], known[i])
  elseif known[i] == ARGV[1] then
    remembered = run
  end
end
if remembered then
  make_writes()
  return remembered
end
write('HSET', KEYS[1], ARGV[1], text(at + tonumber(ARGV[3])) .. ' ' .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  write('PEXPIRE', KEYS[1], ARGV[3])
end
make_writes()
return ARGV[2]
