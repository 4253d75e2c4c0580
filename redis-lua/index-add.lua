-- Puts a stream into a user's index and holds it there for a while: before it exists, or when the index has lost it. What
-- is in it goes when its stream does; the index expires for the sake of what was left behind, so not before the longest
-- that a stream may wait.
--
-- KEYS  1 index: streams scored by until when they are held
-- ARGV  1 stream  2 held for ms  3 longest that a stream may wait, in ms  4 expiry margin in ms
--       5 "GT" to hold what is there for longer, "NX" to leave it alone
-- Reply 1 it was not there | 0 it was
-- @include record
-- @include writes

local longest, margin = tonumber(ARGV[3]), tonumber(ARGV[4])
local is_there = redis.call('ZSCORE', KEYS[1], ARGV[1])
write('ZADD', KEYS[1], ARGV[5], text(now() + tonumber(ARGV[2])), ARGV[1])
if redis.call('PTTL', KEYS[1]) < longest + margin / 2 then
  write('PEXPIRE', KEYS[1], longest + margin)
end
make_writes()
return is_there and 0 or 1
