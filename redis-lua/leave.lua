-- The books of a producer that others have stopped: a change of the record after the end, and that the producer has left.
-- The first try of the settlement closes them for changes, so that every try sees the same; a leave is noted after it too.
-- Guards: the generation has ended, with this attempt.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended
-- ARGV  1 generation  2 attempt  3 patch number or ""  4 JSON [field, value, ...] to set  5 leaves "1" or "0"
-- Reply as commit.lua; refusal: gone running fenced closed
-- @include record
-- @include writes
-- @include announce
-- @include patch

local job, ended = KEYS[1], KEYS[3]
local generation = ARGV[1]

local record, fence, is_current = load_generation(job, ended, generation)
if not record then
  return { 'gone' }
end
if is_active(fence.status) then
  return { 'running', flatten(record) }
end
if fence.attempt ~= ARGV[2] then
  return { 'fenced', flatten(record) }
end
-- Of what can't be read nothing has been done.
local settlement = settlement_in(record.settlement) or { state = 'open', revision = 0, tries = 0 }
local is_patched = is_new_patch(record, ARGV[3])
if is_patched and settlement.tries > 0 then
  return { 'closed', flatten(record) }
end

-- All guards have been passed: from here on writes are gathered.
local at = now()
local is_changed = false
local function put(field, value)
  record[field] = value
  is_changed = true
  if is_current then
    write('HSET', job, field, value)
  end
end

local is_announced = is_patched and apply_patch(record, ARGV[3], ARGV[4], put)
if ARGV[5] == '1' and record.left ~= '1' then
  put('left', '1')
  if settlement.state == 'open' and settlement.tries == 0 then
    put('settlement', 'open ' .. text(settlement.revision + 1) .. ' 0 ' .. text(at))
  else
    put('rev', text(counted(record.rev) + 1))
  end
  is_announced = true
end
if is_changed then
  put('updatedAt', text(at))
  if not is_current then
    write('HSET', ended, generation, cjson.encode(record))
  end
  if is_announced then
    announce(KEYS[2], fence, record)
  end
  make_writes()
end
return { 'ok', fence.sequence, flatten(record) }
