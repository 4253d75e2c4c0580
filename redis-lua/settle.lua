-- A step of the host's settlement of an ended generation, current or not; or of the notice of a pause, which goes the same
-- way, in a field of its own.
-- Guards: the revision is the one the caller has seen; of what can't be read it is 0, so that the host is called once too
-- often rather than never. A notice's pause lasts.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots
--       and where the record has had messages or receipts  5 inbox  6 receipts
-- ARGV  1 generation  2 revision  3 state  4 tries  5 not before, in ms from now
--       6 claimed until then "1" or "0"  7 how long the keys must live at least, in ms
--       8 action of the pause whose notice it is, or ""
-- Reply as commit.lua; refusal: gone running revision; of a notice: gone running ended action revision
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
local field = ARGV[8] == '' and 'settlement' or 'notice'
if field == 'notice' then
  if not is_current or fence.status ~= 'requires_action' then
    return { fence.status == 'running' and 'running' or 'ended', flatten(record) }
  end
  if record.actionId ~= ARGV[8] then
    return { 'action', flatten(record) }
  end
elseif is_active(fence.status) then
  return { 'running', flatten(record) }
end
local before = settlement_in(record[field])
if text(before and before.revision or 0) ~= ARGV[2] or (field == 'notice' and not record.notice) then
  return { 'revision', flatten(record) }
end
local at = now()
local after = ARGV[3] .. ' ' .. text(tonumber(ARGV[2]) + 1) .. ' ' .. ARGV[4] .. ' ' .. text(at + tonumber(ARGV[5]))
record[field] = ARGV[6] == '1' and after .. ' claimed' or after
record.updatedAt = text(at)
if is_current then
  write('HSET', KEYS[1], field, record[field], 'updatedAt', record.updatedAt)
else
  write('HSET', KEYS[3], generation, cjson.encode(record))
end
local keep = tonumber(ARGV[7])
if keep > 0 and keep > redis.call('PTTL', KEYS[1]) then
  -- A generation that runs by now rests on these keys too: its renewals leave them while the record's own lives long.
  local current = is_current and record or load_current(KEYS[1])
  local last = math.max(last_key_of(record), last_key_of(current))
  for _, key in ipairs(lasting({ keys = text(last) })) do
    write('PEXPIRE', key, keep)
  end
end
if field == 'settlement' and is_seen(before, settlement_in(record.settlement), at) then
  announce(KEYS[2], fence, record)
end
make_writes()
return { 'ok', fence.sequence, flatten(record) }
