-- Brings a stream's score near, and holds it there until then: who puts it off may not have seen what needs it. Of
-- several holds the soonest that lies ahead binds, then the latest.
--
-- KEYS  1 scores  2 holds: "<soonest> <latest>" a stream
-- ARGV  1 stream  2 in ms  3 always "0" or only a score that is missing or later "1"
-- Reply 1 | 0 left alone
-- @include record

local at = now()
local asked = at + tonumber(ARGV[2])
if ARGV[3] == '1' then
  local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if score and tonumber(score) <= asked then
    return 0
  end
end
redis.call('ZADD', KEYS[1], 'LT', text(asked), ARGV[1])
local soonest, latest = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '0 0', '^(%d+) (%d+)$')
soonest = tonumber(soonest) > at and math.min(asked, tonumber(soonest)) or asked
redis.call('HSET', KEYS[2], ARGV[1], text(soonest) .. ' ' .. text(math.max(asked, tonumber(latest))))
return 1
