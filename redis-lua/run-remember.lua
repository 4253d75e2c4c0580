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
local lapsed = {}
for i = 1, #known, 2 do
  local ends, run = string.match(known[i + 1], '^(%d+) (.*)$')
  local decoded = try_decode(run)
  -- What can't be read is not remembered.
  local is_known = counted(ends) > at and type(decoded) == 'table' and type(decoded.streamId) == 'string'
  if known[i] == ARGV[1] then
    remembered = is_known and run
  elseif not is_known then
    lapsed[#lapsed + 1] = known[i]
  end
end
if not remembered then
  write('HSET', KEYS[1], ARGV[1], text(at + tonumber(ARGV[3])) .. ' ' .. ARGV[2])
end
for _, key in ipairs(lapsed) do
  write('HDEL', KEYS[1], key)
end
if not remembered and redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  write('PEXPIRE', KEYS[1], ARGV[3])
end
make_writes()
return remembered or ARGV[2]
