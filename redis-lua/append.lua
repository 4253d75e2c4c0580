-- The hot path: a producer's batch without a change of state. All that is checked stands in the entry's own header, so
-- nothing travels twice.
-- Guards: the generation is current, its status running, the attempt the entry's, the log's end just before its first
-- event; no hold lasts; the log is there: one that is gone is not begun anew.
-- The fence is written first because it can be put back: an entry's id could never be had again.
--
-- KEYS  1 job  2 log, whose name is also the live channel's
-- ARGV  1 entry: see include/append.lua
-- Reply "held" while its end is being described: see hold.lua
--       1 stored, now or by an earlier call of the same batch
--       the fence as it is (empty without one): nothing was changed
-- @include clock
-- @include frame

local header, generation, attempt, first, last = string.match(ARGV[1], '^(1 (%d+) (%d+) (%d+) (%d+)\n)')
local writer = generation .. ' ' .. attempt .. ' running '
local stored = redis.call('HMGET', KEYS[1], 'fence', 'held')
local fence, held = stored[1], tonumber(stored[2] or nil)
local after = writer .. last
if fence ~= writer .. string.format('%.0f', first - 1) then
  return fence == after and 1 or fence or ''
end
if held and is_held(held, now()) then
  return 'held'
end
redis.call('HSET', KEYS[1], 'fence', after)
local added = redis.pcall('XADD', KEYS[2], 'NOMKSTREAM', generation .. '-' .. last, 'e', ARGV[1])
if type(added) ~= 'string' then
  redis.call('HSET', KEYS[1], 'fence', fence)
  if added then
    error(added)
  end
  return fence
end
-- Nothing rests on the message: who does not get it reads the log.
redis.pcall('PUBLISH', KEYS[2], frame_of(ARGV[1], header))
return 1
