-- Removes a stream, or one ended generation of it (and the stream, when that was the last one kept).
-- A generation whose number lies ahead of the clock leaves it behind until the clock has passed it, so that no later
-- one can have it again. A stream goes whole also when it can't be read, or when nothing is left of it but its log. For a
-- user, only one that says it is theirs goes: it is this script that knows, since others may not be able to read it.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots  5 inbox  6 receipts
--       7 queue, which stays: it needs no generation
-- ARGV  1 ended generation or ""  2 also while a settlement is claimed "1" or "0"  3 the user whose it must be, or ""
--       4 only where no generation is current "1" or "0"
-- Reply { "none" } nothing removed | { "settling" } somebody settles | { "some" } the generation
--       | { "all", user id or "", has a queue "1" or "0" } the stream
-- @include record
-- @include writes

local job, log, ended, snapshots = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local receipts, inbox = key_at(RECEIPTS), key_at(INBOX)

-- Removes the fields of a generation from a key that has several; a key that is none is in nobody's way.
local function forget_fields(key, generation)
  local found = key and redis.pcall('HKEYS', key) or {}
  local prefix = generation .. ':'
  for _, field in ipairs(found) do
    if string.sub(field, 1, #prefix) == prefix then
      write('HDEL', key, field)
    end
  end
end

local record
if ARGV[1] ~= '' then
  record = load_current(job)
elseif type(redis.pcall('HLEN', job)) == 'number' then
  record = check_format(fields(redis.call('HGETALL', job)))
  -- What was deleted may leave its floor.
  record = next(record) and (record.fence or not record.floor) and record or nil
else
  record = {} -- one of another type has no fields
end
if not record then
  local left = ARGV[1] == '' and ARGV[3] == '' and redis.call('DEL', log, ended, snapshots, inbox, receipts) or 0
  return { left > 0 and 'all' or 'none', '' }
end
if ARGV[4] == '1' and record.fence then
  return { 'none' }
end
if ARGV[3] ~= '' and (record.userId or damaged('userId')) ~= ARGV[3] then
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
  local removed = record_in(redis.call('HGET', ended, ARGV[1])) or {}
  write('HDEL', ended, ARGV[1])
  write('HDEL', snapshots, ARGV[1])
  forget_fields(removed.messages and inbox, ARGV[1])
  forget_fields(removed.receipts and receipts, ARGV[1])
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
write('DEL', log, ended, snapshots, inbox, receipts)
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
local queued = redis.pcall('HLEN', KEYS[7])
return { 'all', record.userId or '', type(queued) == 'number' and queued > 0 and '1' or '0' }
