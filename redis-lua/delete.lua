-- Removes a stream, or one ended generation of it (and the stream, when that was the last one kept).
-- A generation whose number lies ahead of the clock leaves it behind until the clock has passed it, so that no later
-- one can have it again.
--
-- KEYS  1 job  2 log  3 live channel  4 ended  5 snapshots
-- ARGV  1 ended generation or ""  2 also while a settlement is claimed "1" or "0"
-- Reply { "none" } nothing removed | { "settling" } somebody settles | { "some" } the generation | { "all", user id } the stream
-- @include record

local job, log, ended, snapshots = KEYS[1], KEYS[2], KEYS[4], KEYS[5]
local record = load_current(job)
if not record then
  return { 'none' }
end
local fence = parse(record.fence)
if ARGV[1] ~= '' then
  if fence.generation ~= ARGV[1] then
    if redis.call('HDEL', ended, ARGV[1]) == 0 then
      return { 'none' }
    end
    redis.call('HDEL', snapshots, ARGV[1])
    local oldest = fence.generation
    for _, kept in ipairs(redis.call('HKEYS', ended)) do
      if tonumber(kept) < tonumber(oldest) then
        oldest = kept
      end
    end
    redis.call('XTRIM', log, 'MINID', oldest .. '-0')
    return { 'some' }
  end
  -- The newest one stays while older ones are kept: it says which generation is current.
  if is_active(fence.status) or redis.call('HLEN', ended) > 0 then
    return { 'none' }
  end
end
if ARGV[2] ~= '1' then
  local at = now()
  local settlements = { record.settlement }
  for _, stored in ipairs(redis.call('HVALS', ended)) do
    settlements[#settlements + 1] = string.match(stored, '"settlement":"([^"]*)"')
  end
  for _, settlement in ipairs(settlements) do
    local until_then = string.match(settlement, ' (%d+) claimed$')
    if until_then and tonumber(until_then) > at then
      return { 'settling' }
    end
  end
end
redis.call('DEL', job, log, ended, snapshots)
local ahead = tonumber(fence.generation) - now()
if ahead >= 0 then
  redis.call('HSET', job, 'floor', fence.generation)
  redis.call('PEXPIRE', job, ahead + 1)
end
return { 'all', record.userId }
