-- Removes all that a user's feed holds. What is left says so, for a while: to readers that come back, and to writers that are late.
--
-- KEYS  1 feed  2 order  3 live channel
-- ARGV  1 left for ms
-- Reply 1 | 0 there was no feed
-- @include feed

local feed, order, live = KEYS[1], KEYS[2], KEYS[3]
local floor = redis.call('HMGET', feed, 'floor')[1]
if not floor and redis.call('HLEN', feed) + redis.call('ZCARD', order) == 0 then
  return 0
end
local at = now()
local number = next_number(order, counted(floor), at)
write('HSET', feed, 'floor', text(number), 'cleared', text(at))
forget_all(feed, order, nil)
write('PEXPIRE', feed, ARGV[1])
announce_feed(live, number)
make_writes()
return 1
