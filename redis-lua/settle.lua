-- A step of the host's settlement of an ended generation, current or not.
-- Guards: the settlement's revision is the one the caller has seen; of what can't be read it is 0, so that the host is
-- called once too often rather than never.
--
-- KEYS  1 job  2 log  3 live channel  4 ended  5 snapshots
-- ARGV  1 generation  2 revision  3 state  4 tries  5 not before, in ms from now
--       6 claimed until then "1" or "0"  7 how long the keys must live at least, in ms
-- Reply as commit.lua; refusal: gone running revision
-- @include record
-- @include writes

local generation = ARGV[1]
local record = load_current(KEYS[1])
local is_current = record and parse(record.fence).generation == generation
if record and not is_current then
  record = load_ended(KEYS[4], generation)
end
if not record then
  return { 'gone' }
end
local fence = parse(record.fence)
if is_active(fence.status) then
  return { 'running', flatten(record) }
end
local revision = string.match(record.settlement or '', '^%l[%l_]* (%d+) %d+ %d+')
if text(counted(revision)) ~= ARGV[2] then
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
  write('HSET', KEYS[4], generation, cjson.encode(record))
end
local keep = tonumber(ARGV[7])
if keep > 0 and keep > redis.call('PTTL', KEYS[1]) then
  for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[4], KEYS[5] }) do
    write('PEXPIRE', key, keep)
  end
end
make_writes()
return { 'ok', fence.sequence, flatten(record) }
