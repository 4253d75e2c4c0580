-- A step of a receipt, by which `job.once` goes: a call begins, has finished or has failed. The record's field `receipts` counts
-- those of the generation: it is their bound, and says that there are some when their key is gone.
-- Guards: a begin is fenced like a producer's commit; a call that has finished is never begun again, nor is one whose outcome is
-- unknown, unless the caller names it. What a call has come to is guarded by the call's id alone: it is true whoever produces
-- by then, and in whatever state the generation is.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots  5 inbox  6 receipts
-- ARGV  1 generation  2 attempt  3 name  4 "begin", "finish" or "fail"  5 call id
--       6 of a begin: the call whose place it may take though that is unknown, "*" for any of an earlier attempt, or ""
--       7 of a finish: the result as JSON, or "" when it is not kept  8 most receipts of a generation
-- Reply { "ok", last sequence, receipt } | { refusal, record | nil }
--       refusal: gone; of a begin: replaced ended paused fenced receipts; else: call
-- @include record
-- @include receipts
-- @include writes

local job, ended, receipts = KEYS[1], KEYS[3], key_at(RECEIPTS)
local generation, attempt, field = ARGV[1], ARGV[2], ARGV[1] .. ':' .. ARGV[3]
local step, call_id, over = ARGV[4], ARGV[5], ARGV[6]

local record, fence, is_current = load_generation(job, ended, generation)
if not record then
  return { 'gone' }
end
if step == 'begin' then
  local refusal = not is_current and 'replaced' or refusal_of_producer(fence, attempt)
  if refusal then
    return { refusal, flatten(record) }
  end
end
check_receipts(receipts, record.receipts)
local stored = redis.call('HGET', receipts, field)
local known = stored and receipt_in(stored)
local at = text(now())

local function keep(state, of, runs, begun, result)
  local value = table.concat({ state, of, runs, begun, at, call_id, result }, ' ')
  write('HSET', receipts, field, value)
  return value
end

if step ~= 'begin' then
  if not known or known.call ~= call_id then
    return { 'call' }
  end
  if known.state == 'begun' then
    local state = step == 'finish' and 'finished' or 'failed'
    stored = keep(state, known.attempt, known.runs, known.begun, ARGV[7])
    make_writes()
  end
  return { 'ok', fence.sequence, stored }
end

-- What stands: a repeat of this begin, whatever has become of it since; what has finished; what nobody allows to be made again.
local is_allowed = known
  and (over == known.call or (over == '*' and tonumber(known.attempt) < tonumber(attempt)))
if known and (known.call == call_id or known.state == 'finished' or (known.state == 'begun' and not is_allowed)) then
  return { 'ok', fence.sequence, stored }
end

-- Those of the generation when its record does not say; beside them, what a release that knows no receipts has left of others.
local function counted_anew()
  local own, left, is_kept = 0, {}, {}
  for _, one in ipairs(redis.call('HKEYS', receipts)) do
    local of = string.match(one, '^(%d+):') or ''
    if is_kept[of] == nil then
      is_kept[of] = redis.pcall('HEXISTS', ended, of) ~= 0
    end
    if of == generation then
      own = own + 1
    elseif not is_kept[of] then
      left[#left + 1] = one
    end
  end
  return own, left
end

local count, left = number_in(record.receipts), {}
local is_first = not count
if is_first then
  count, left = counted_anew()
end
if not known and count >= tonumber(ARGV[8]) then
  return { 'receipts' }
end
local value = keep('begun', attempt, known and text(tonumber(known.runs) + 1) or '1', at, '')
write('HSET', job, 'receipts', text(known and count or count + 1))
if is_first then
  live_beside(job, receipts)
end
for _, one in ipairs(left) do
  write('HDEL', receipts, one)
end
make_writes()
return { 'ok', fence.sequence, value }
