-- Takes a stream out of a user's index, unless a create that is still under way has asked for it.
--
-- KEYS  1 index: streams scored by until when they are held
-- ARGV  1 stream
-- Reply 1 gone from the index | 0 held
-- @include record

local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if held and tonumber(held) > now() then
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
