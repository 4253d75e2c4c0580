-- Renews one lease, and keeps the stream's keys alive when half their time is gone: here, off the hot path.
-- Guards: as append.lua, without the sequence.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots  5 inbox  6 receipts
--       The first is enough unless it keeps them alive, or the generation is another one.
-- ARGV  1 generation  2 attempt  3 lease in ms, 0 to give it up  4 expiry margin in ms
--       5 who has the attempt from now on, or "" to leave that
-- Reply "held" | "held <how many messages wait>" | refusal: gone replaced ended paused fenced
-- @include record
-- @include writes
-- @include enter

local job = KEYS[1]
local stored = redis.call('HMGET', job, 'fence', 'waiting', 'messages', 'receipts', 'keys')
if not stored[1] then
  return 'gone'
end
local fence, waiting = parse(stored[1]), counted(stored[2])
if fence.generation ~= ARGV[1] then
  return redis.call('HEXISTS', key_at(ENDED), ARGV[1]) == 1 and 'replaced' or 'gone'
end
local refusal = refusal_of_producer(fence, ARGV[2])
if refusal then
  return refusal
end
local at = now()
local lease_until = ARGV[3] == '0' and '0' or text(at + tonumber(ARGV[3]))
write('HSET', job, 'leaseUntil', lease_until, 'updatedAt', text(at), 'lease', lease_of(ARGV[2], ARGV[3]))
if ARGV[5] ~= '' then
  write('HSET', job, 'replica', ARGV[2] .. ' ' .. ARGV[5])
end
local margin = tonumber(ARGV[4])
if redis.call('PTTL', job) < margin / 2 + tonumber(ARGV[3]) then
  local held = { messages = stored[3] or nil, receipts = stored[4] or nil, keys = stored[5] or nil }
  keep_for(margin + tonumber(ARGV[3]), held)
end
make_writes()
return waiting > 0 and 'held ' .. text(waiting) or 'held'
