-- Gives a slot back, if its holder still holds it.
--
-- KEYS  1 slots
-- ARGV  1 stream  2 holder
-- Reply nothing

local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and string.match(known, '^%d+ (.*)$') == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
