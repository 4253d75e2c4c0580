-- Brings a stream's score near, and holds it there: who puts it off may not have seen what needs it. Of
-- several holds the soonest that lies ahead binds, then the latest.
--
-- KEYS  1 scores  2 holds: "<soonest> <latest>" a stream
-- ARGV  1 stream  2 in ms  3 always "0" or only a score that is missing or later "1": by more than a second, since the caller
--       reckons with an estimate of this clock  4 held for at least, in ms
-- Reply 1 | 0 left alone
-- @include record
-- @include writes

local at = now()
local asked = at + tonumber(ARGV[2])
if ARGV[3] == '1' then
  local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if score and tonumber(score) <= asked + 1000 then
    return 0
  end
end
write('ZADD', KEYS[1], 'LT', text(asked), ARGV[1])
-- A hold that can't be read holds nothing.
local soonest, latest = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^(%d+) (%d+)$')
soonest, latest = counted(soonest), counted(latest)
soonest = soonest > at and math.min(asked, soonest) or asked
write('HSET', KEYS[2], ARGV[1], text(soonest) .. ' ' .. text(math.max(asked, at + tonumber(ARGV[4]), latest)))
make_writes()
return 1
