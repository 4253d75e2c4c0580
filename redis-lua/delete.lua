-- Removes a stream, or one ended generation of it (and the stream, when that was the last one kept).
-- A generation whose number lies ahead of the clock leaves it behind until the clock has passed it, so that no later
-- one can have it again. A stream goes whole also when it can't be read.
--
-- KEYS  1 job  2 log  3 live channel  4 ended  5 snapshots
-- ARGV  1 ended generation or ""  2 also while a settlement is claimed "1" or "0"
-- Reply { "none" } nothing removed | { "settling" } somebody settles | { "some" } the generation | { "all", user id or "" } the stream
-- @include record
-- @include writes

local job, log, ended, snapshots = KEYS[1], KEYS[2], KEYS[4], KEYS[5]
-- One of another type has no fields.
local is_hash = type(redis.pcall('HLEN', job)) == 'number'
local record = ARGV[1] == '' and not is_hash and {} or load_current(job)
if not record then
  return { 'none' }
end
local fence = ARGV[1] == '' and try_parse(record.fence) or ARGV[1] ~= '' and parse(record.fence)
if ARGV[1] ~= '' and fence.generation ~= ARGV[1] then
  local oldest, is_kept = tonumber(fence.generation), false
  for _, kept in ipairs(redis.call('HKEYS', ended)) do
    if kept == ARGV[1] then
      is_kept = true
    else
      oldest = math.min(oldest, number_in(kept) or oldest)
    end
  end
  if not is_kept then
    return { 'none' }
  end
  write('HDEL', ended, ARGV[1])
  write('HDEL', snapshots, ARGV[1])
  write('XTRIM', log, 'MINID', text(oldest) .. '-0')
  make_writes()
  return { 'some' }
end
-- The newest one stays while older ones are kept: it says which generation is current.
if ARGV[1] ~= '' and (is_active(fence.status) or #all_ended(ended) > 0) then
  return { 'none' }
end
if ARGV[2] ~= '1' then
  local at = now()
  local kept = all_ended(ended)
  kept[#kept + 1] = record
  for _, one in ipairs(kept) do
    if counted(string.match(one.settlement or '', ' (%d+) claimed$')) > at then
      return { 'settling' }
    end
  end
end
-- A deletion comes first: a full server refuses no later write of a script that has written.
write('DEL', log, ended, snapshots)
local ahead = fence and tonumber(fence.generation) - now() or -1
if ahead >= 0 then
  write('HSET', job, 'floor', fence.generation)
  for field in pairs(record) do
    if field ~= 'floor' then
      write('HDEL', job, field)
    end
  end
  write('PEXPIRE', job, ahead + 1)
else
  write('DEL', job)
end
make_writes()
return { 'all', record.userId or '' }
