-- Puts a stream's score off, or removes it, unless it has changed; never beyond a hold that still lasts.
--
-- KEYS  1 scores  2 holds: "<soonest> <latest>" a stream
-- ARGV  1 stream  2 score seen, or "any"  3 new score, or "" to remove
-- Reply 1 changed | 0 not
-- @include record

local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or (ARGV[2] ~= 'any' and tonumber(score) ~= tonumber(ARGV[2])) then
  return 0
end
local at = now()
local soonest, latest = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '0 0', '^(%d+) (%d+)$')
local bound = tonumber(soonest) > at and tonumber(soonest) or tonumber(latest)
if bound > at then
  local wanted = ARGV[3] == '' and bound or math.min(tonumber(ARGV[3]), bound)
  redis.call('ZADD', KEYS[1], text(wanted), ARGV[1])
  return 1
end
redis.call('HDEL', KEYS[2], ARGV[1])
if ARGV[3] == '' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
end
return 1
