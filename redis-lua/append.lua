-- The hot path: a producer's batch without a change of state. All that is checked stands in the entry's own header, so
-- nothing travels twice.
-- Guards: the generation is current, its status running, the attempt the entry's, the log's end just before its first
-- event.
--
-- KEYS  1 job  2 log, whose name is also the live channel's
-- ARGV  1 entry: see include/append.lua
-- Reply 1 stored, now or by an earlier call of the same batch
--       the fence as it is (empty without one): nothing was changed

local header, generation, attempt, first, last = string.match(ARGV[1], '^(1 (%d+) (%d+) (%d+) (%d+)\n)')
local writer = generation .. ' ' .. attempt .. ' running '
local fence = redis.call('HGET', KEYS[1], 'fence')
local after = writer .. last
if fence ~= writer .. string.format('%.0f', first - 1) then
  return fence == after and 1 or fence or ''
end
redis.call('XADD', KEYS[2], generation .. '-' .. last, 'e', ARGV[1])
redis.call('HSET', KEYS[1], 'fence', after)
redis.call('PUBLISH', KEYS[2], #ARGV[1] > 65536 and header or ARGV[1])
return 1
