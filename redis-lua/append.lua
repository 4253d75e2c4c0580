-- The hot path: a producer's batch without a change of state.
-- Guards: the generation is current, its status running, the attempt the caller's, the log's end where the caller says.
--
-- KEYS  1 job  2 log  3 live channel
-- ARGV  1 generation  2 " <attempt> running "  3 last sequence before  4 last sequence after  5 entry
-- Reply 1 stored, now or by an earlier call of the same batch
--       the fence as it is (empty without one): nothing was changed

local fence = redis.call('HGET', KEYS[1], 'fence')
local after = ARGV[1] .. ARGV[2] .. ARGV[4]
if fence ~= ARGV[1] .. ARGV[2] .. ARGV[3] then
  return fence == after and 1 or fence or ''
end
redis.call('XADD', KEYS[2], ARGV[1] .. '-' .. ARGV[4], 'e', ARGV[5])
redis.call('HSET', KEYS[1], 'fence', after)
if #ARGV[5] > 65536 then
  redis.call('PUBLISH', KEYS[3], string.match(ARGV[5], '^[^\n]*\n'))
else
  redis.call('PUBLISH', KEYS[3], ARGV[5])
end
return 1
