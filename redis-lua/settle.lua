-- A step of the host's settlement of an ended generation, current or not.
-- Guard: the settlement's revision is the one the caller has seen.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots
-- ARGV  1 generation  2 revision  3 state  4 tries  5 not before, in ms from now
--       6 claimed until then "1" or "0"  7 how long the keys must live at least, in ms
-- Reply as commit.lua; refusal: gone running revision
-- @include record
-- @include writes
-- @include announce

-- Whether a replica settles it at this moment, which is what followers are shown beside the state.
local function is_settling(settlement, at)
  return settlement.state == 'open' and settlement.is_claimed and settlement.not_before > at
end

-- A claim that is only renewed changes nothing that is seen.
local function is_seen(before, after, at)
  return not before or before.state ~= after.state or is_settling(before, at) ~= is_settling(after, at)
end

local generation = ARGV[1]
local record, fence, is_current = load_generation(KEYS[1], KEYS[3], generation)
if not record then
  return { 'gone' }
end
if is_active(fence.status) then
  return { 'running', flatten(record) }
end
if text(settlement_revision(record)) ~= ARGV[2] then
  return { 'revision', flatten(record) }
end
local at = now()
local before = settlement_in(record.settlement)
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
if is_seen(before, settlement_in(record.settlement), at) then
  announce(KEYS[2], fence, record)
end
make_writes()
return { 'ok', fence.sequence, flatten(record) }
