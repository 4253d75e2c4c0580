-- Completes or forgets what is remembered under an idempotency key, if it is of the same stream and of no other
-- generation.
--
-- KEYS  1 runs
-- ARGV  1 idempotency key  2 stream  3 generation or ""  4 run as JSON, or "" to forget it
-- Reply nothing
-- @include record

local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then
  return
end
local ends, stored = string.match(known, '^(%d+) (.*)$')
local run = try_decode(stored)
if type(run) ~= 'table' then
  return
end
local generation = type(run.generation) == 'number' and text(run.generation) or ARGV[3]
if run.streamId ~= ARGV[2] or generation ~= ARGV[3] then
  return
end
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ends .. ' ' .. ARGV[4])
end
