-- The streams of one shard that are due, earliest first, and the server's time.
--
-- KEYS  1 scores
-- ARGV  1 most  2 all "1" or "0"
-- Reply { now, stream, score, stream, score, ... }
-- @include record

local at = text(now())
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2] == '1' and '+inf' or at, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
table.insert(found, 1, at)
return found
