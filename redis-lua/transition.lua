-- A change of state by anyone but the producer: resolve, expire, lose, recover, abort. Which states it may leave, what it
-- enters and what guards it comes from the table in src/stream/model/transitions.ts, with each call.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots
--       and where the record has had messages or receipts  5 inbox  6 receipts
-- ARGV  1 generation  2 name  3 call id  4 line of the event  5 " from from "  6 to  7 guard or ""
--       8 next attempt "1" or "0"  9 action id  10 attempt or ""  11 lease in ms  12 resolution as JSON without its end or ""
--       13 failure as JSON or ""  14 release the key when early "1" or "0"  15 settles "1" or "0"  16 expiry margin in ms
--       17 end of a lease that counts as lapsed though the clock has not come so far, or ""
--       18 last sequence and 19 attempt the end was described from, or ""  20 replica of the next attempt or ""
--       21 how long the producer may write its books after it, in ms  22 what was taken of the inbox waits again "1" or "0"
-- Reply as commit.lua; refusal: gone ended running paused fenced lease action early behind
-- @include record
-- @include writes
-- @include append
-- @include enter
-- @include announce
-- @include inbox

local job, log, ended = KEYS[1], KEYS[2], KEYS[3]
local generation, name, call_id = ARGV[1], ARGV[2], ARGV[3]

local record, fence, is_current = load_generation(job, ended, generation)
if not record then
  return { 'gone' }
end
if has_called(record, call_id) then
  return { 'ok', fence.sequence, flatten(record) }
end
if not is_current then
  return { 'ended', flatten(record) }
end
if not string.find(ARGV[5], ' ' .. fence.status .. ' ', 1, true) then
  if not is_active(fence.status) then
    return { 'ended', flatten(record) }
  end
  return { fence.status == 'running' and 'running' or 'paused', flatten(record) }
end
if ARGV[10] ~= '' and ARGV[10] ~= fence.attempt then
  return { 'fenced', flatten(record) }
end
local at = now()
-- A lease or an expiry that can't be read is over: else nobody could ever end the generation.
if ARGV[7] == 'lease' and counted(record.leaseUntil) > at and record.leaseUntil ~= ARGV[17] then
  return { 'lease', flatten(record) }
end
if ARGV[7] == 'action' then
  if ARGV[9] ~= record.actionId then
    return { 'action', flatten(record) }
  end
  local has_expired = counted(record.expiresAt) <= at
  if name == 'expire' and not has_expired then
    return { 'early', flatten(record) }
  end
  if name == 'resolve' and has_expired then
    return { 'action', flatten(record) }
  end
end
if is_behind(fence, ARGV[18], ARGV[19]) then
  return { 'behind', flatten(record) }
end

-- All guards have been passed: from here on writes are gathered.
local margin = tonumber(ARGV[16])
if ARGV[14] == '1' and record.lifecycle == fence.sequence then
  unset(job, record, 'idempotencyKey')
end
if ARGV[12] ~= '' then
  local known = type(try_decode(record.resolutions)) == 'table' and string.match(record.resolutions, '^(%[.+)%]$')
  set(job, record, 'resolutions', (known and known .. ',' or '[') .. ARGV[12] .. text(at) .. '}]')
end
fence.sequence = text(tonumber(fence.sequence) + 1)
if ARGV[8] == '1' then
  fence.attempt = text(tonumber(fence.attempt) + 1)
  unset(job, record, 'patches')
  margin = margin + tonumber(ARGV[11])
  if name == 'recover' and record.leaseUntil ~= '0' then
    set(job, record, 'recoveries', text(counted(record.recoveries) + 1))
  end
end
enter(job, record, fence, ARGV[6], at, ARGV[13], ARGV[15], ARGV[21])
local function put(field, value)
  set(job, record, field, value)
end
-- Before the messages that wait again go from the inbox, which may go with them: see include/writes.lua.
keep_for(margin, record)
if not is_active(ARGV[6]) then
  close_inbox(record, generation)
elseif ARGV[22] == '1' and put_back(record, generation, put) then
  announce(log, { generation = generation, sequence = text(tonumber(fence.sequence) - 1) }, record)
end
count_lifecycle(job, record)
called(job, record, call_id)
if ARGV[8] == '1' then
  set(job, record, 'leaseUntil', text(at + tonumber(ARGV[11])))
  set(job, record, 'lease', lease_of(fence.attempt, ARGV[11]))
  set(job, record, 'replica', fence.attempt .. ' ' .. ARGV[20])
end
append(log, generation, fence.attempt, fence.sequence, fence.sequence, ARGV[4])
make_writes()
return { 'ok', fence.sequence, flatten(record) }
