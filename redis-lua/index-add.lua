-- Puts a stream into a user's index and holds it there for a while: before it exists, or when the index has lost it. What
-- is in it goes when its stream does; the index expires for the sake of what was left behind, so not before the longest
-- that a stream may wait.
--
-- KEYS  1 index: streams scored by until when they are held
-- ARGV  1 stream  2 held for ms  3 expiry margin in ms  4 "GT" to hold what is there for longer, "NX" to leave it alone
-- Reply 1 it was not there | 0 it was
-- @include record
-- @include writes

-- No action may wait longer.
local LONGEST_WINDOW = 366 * 24 * 3600 * 1000

local is_there = redis.call('ZSCORE', KEYS[1], ARGV[1])
write('ZADD', KEYS[1], ARGV[4], text(now() + tonumber(ARGV[2])), ARGV[1])
if redis.call('PTTL', KEYS[1]) < LONGEST_WINDOW + tonumber(ARGV[3]) / 2 then
  write('PEXPIRE', KEYS[1], LONGEST_WINDOW + tonumber(ARGV[3]))
end
make_writes()
return is_there and 0 or 1
