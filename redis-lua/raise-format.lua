-- Raises the format of the store; never lowers it.
--
-- KEYS  1 store
-- ARGV  1 format
-- Reply the format as it is now

local stored = tonumber(redis.call('HGET', KEYS[1], 'format') or '1')
if stored and stored >= tonumber(ARGV[1]) then
  return stored
end
redis.call('HSET', KEYS[1], 'format', ARGV[1])
return tonumber(ARGV[1])
