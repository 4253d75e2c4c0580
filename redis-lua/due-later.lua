-- Puts a stream's score off, or removes it, unless it has changed; never beyond a hold that still lasts.
--
-- KEYS  1 scores  2 holds: "<soonest> <latest>" a stream
-- ARGV  1 stream  2 score seen, or "any"  3 new score, or "" to remove
-- Reply 1 changed | 0 not
-- @include record
-- @include writes

local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or (ARGV[2] ~= 'any' and tonumber(score) ~= tonumber(ARGV[2])) then
  return 0
end
local at = now()
-- A hold that can't be read holds nothing.
local soonest, latest = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^(%d+) (%d+)$')
soonest, latest = counted(soonest), counted(latest)
local bound = soonest > at and soonest or latest
if bound > at then
  local wanted = ARGV[3] == '' and bound or math.min(tonumber(ARGV[3]), bound)
  write('ZADD', KEYS[1], text(wanted), ARGV[1])
  make_writes()
  return 1
end
write('HDEL', KEYS[2], ARGV[1])
if ARGV[3] == '' then
  write('ZREM', KEYS[1], ARGV[1])
else
  write('ZADD', KEYS[1], ARGV[3], ARGV[1])
end
make_writes()
return 1
