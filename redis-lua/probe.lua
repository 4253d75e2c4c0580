-- Tries every command that the other scripts use, on keys of its own, and leaves nothing: rights that are missing, and a
-- server that takes no writes, are found when a replica starts and not in the middle of an answer.
--
-- KEYS  1 hash  2 stream, whose name is also a channel's  3 sorted set
-- Reply 1 | the first refusal, with its command

-- The first refusal; the server does not say of which command it is.
local refused

local function try(...)
  if refused then
    return
  end
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    refused = redis.error_reply(reply.err .. ' (' .. select(1, ...) .. ')')
  end
end

local hash, stream, set = KEYS[1], KEYS[2], KEYS[3]
-- Whatever somebody has left under these names goes: it would look as if a right were missing.
for key, length in pairs({ [hash] = 'HLEN', [stream] = 'XLEN', [set] = 'ZCARD' }) do
  local reply = redis.pcall(length, key)
  if type(reply) == 'table' and string.find(reply.err, '^WRONGTYPE') then
    redis.pcall('DEL', key)
  end
end
-- A write that needs room comes first: a full server refuses no later one of a script that has written.
try('HSET', hash, 'a', '1', 'b', '2')
try('PEXPIRE', hash, 1000)
try('PTTL', hash)
try('HGET', hash, 'a')
try('HMGET', hash, 'a', 'b')
try('HGETALL', hash)
try('HEXISTS', hash, 'a')
try('HKEYS', hash)
try('HVALS', hash)
try('HLEN', hash)
try('HDEL', hash, 'a')

try('DEL', stream, set)
try('TIME')
try('XADD', stream, '1-1', 'e', '')
try('XLEN', stream)
try('XRANGE', stream, '-', '+', 'COUNT', 1)
try('XTRIM', stream, 'MINID', '1-1')
try('XDEL', stream, '1-1')
try('PUBLISH', stream, '')

try('ZADD', set, '1', 'a')
try('ZCARD', set)
try('ZSCORE', set, 'a')
try('ZCOUNT', set, '-inf', '+inf')
try('ZRANGE', set, 0, 0)
try('ZREM', set, 'a')

try('DEL', hash, stream, set)
return refused or 1
