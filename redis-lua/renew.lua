-- Renews one lease, and keeps the stream's keys alive when half their time is gone: here, off the hot path.
-- Guards: as append.lua, without the sequence.
--
-- KEYS  1 job  2 log  3 live channel  4 ended  5 snapshots
-- ARGV  1 generation  2 attempt  3 lease in ms, 0 to give it up  4 expiry margin in ms
-- Reply "held" | refusal: gone replaced ended paused fenced
-- @include record
-- @include writes
-- @include enter

local job, ended = KEYS[1], KEYS[4]
local stored = redis.call('HGET', job, 'fence')
if not stored then
  return 'gone'
end
local fence = parse(stored)
if fence.generation ~= ARGV[1] then
  return redis.call('HEXISTS', ended, ARGV[1]) == 1 and 'replaced' or 'gone'
end
if fence.attempt ~= ARGV[2] then
  return is_active(fence.status) and 'fenced' or 'ended'
end
if fence.status ~= 'running' then
  return fence.status == 'requires_action' and 'paused' or 'ended'
end
local at = now()
local lease_until = ARGV[3] == '0' and '0' or text(at + tonumber(ARGV[3]))
write('HSET', job, 'leaseUntil', lease_until, 'updatedAt', text(at), 'lease', lease_of(ARGV[2], ARGV[3]))
local margin = tonumber(ARGV[4])
if redis.call('PTTL', job) < margin / 2 + tonumber(ARGV[3]) then
  keep_for(KEYS, margin + tonumber(ARGV[3]))
end
make_writes()
return 'held'
