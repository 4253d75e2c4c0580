-- A step of the host's settlement of an ended generation, current or not.
-- Guards: the settlement's revision is the one the caller has seen; of what can't be read it is 0, so that the host is
-- called once too often rather than never.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots
-- ARGV  1 generation  2 revision  3 state  4 tries  5 not before, in ms from now
--       6 claimed until then "1" or "0"  7 how long the keys must live at least, in ms
-- Reply as commit.lua; refusal: gone running revision
-- @include record
-- @include writes

-- Exactly what the library reads as a settlement: one that either reads and the other doesn't would be settled by nobody.
-- Behind its numbers may stand what a later release has put there.
local function revision_of(settlement)
  local revision, tries, not_before, rest = string.match(settlement, '^%l[%l_]* (%d+) (%d+) (%d+)(.*)$')
  local is_whole = revision and #settlement <= 100 and (rest == '' or string.sub(rest, 1, 1) == ' ')
  if is_whole and number_in(revision) and number_in(tries) and number_in(not_before) then
    return text(number_in(revision))
  end
  return '0'
end

local generation = ARGV[1]
local record, fence, is_current = load_generation(KEYS[1], KEYS[3], generation)
if not record then
  return { 'gone' }
end
if is_active(fence.status) then
  return { 'running', flatten(record) }
end
if revision_of(record.settlement or '') ~= ARGV[2] then
  return { 'revision', flatten(record) }
end
local at = now()
record.settlement = ARGV[3] .. ' ' .. text(tonumber(ARGV[2]) + 1) .. ' ' .. ARGV[4] .. ' ' .. text(at + tonumber(ARGV[5]))
if ARGV[6] == '1' then
  record.settlement = record.settlement .. ' claimed'
end
record.updatedAt = text(at)
if is_current then
  write('HSET', KEYS[1], 'settlement', record.settlement, 'updatedAt', record.updatedAt)
else
  write('HSET', KEYS[3], generation, cjson.encode(record))
end
local keep = tonumber(ARGV[7])
if keep > 0 and keep > redis.call('PTTL', KEYS[1]) then
  for _, key in ipairs(KEYS) do
    write('PEXPIRE', key, keep)
  end
end
make_writes()
return { 'ok', fence.sequence, flatten(record) }
