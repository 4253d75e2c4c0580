-- Puts a stream into a user's index, before it exists, and holds it there for a while.
--
-- KEYS  1 index: streams scored by until when they are held
-- ARGV  1 stream  2 held for ms  3 expiry margin in ms
-- Reply nothing
-- @include record

redis.call('ZADD', KEYS[1], 'GT', text(now() + tonumber(ARGV[2])), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) / 2 then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
