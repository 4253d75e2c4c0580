-- A new generation, and with it the end of the active one it replaces, or the start of a run that waits in the queue.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots
--       and where the record has had messages or receipts, or for a start  5 inbox  6 receipts; for a start  7 queue
-- ARGV  1 call id  2 not after  3 user id  4 idempotency key or ""  5 line of the created event
--       6 generation it may replace or ""  7 line of that one's end  8 its failure as JSON  9 settles "1" or "0"
--       10 lease in ms  11 expiry margin in ms  12 JSON [field, value, ...] of the new record
--       13 last sequence and 14 attempt that one's end was described from, or ""
--       15 the newest generation the caller has seen, "0" for none, "" when it does not say
--       16 how long that one's producer may write its books, in ms
--       17 id of the start of the run that the call id names, or ""
-- Reply { "created", record, replaced | nil } | { "started" | "joined" | "unexpected" | "conflict", record }
--       | { "taken" | "unqueued" } | { "expired", time }
-- @include record
-- @include writes
-- @include append
-- @include enter
-- @include announce
-- @include inbox
-- @include queue

local job, log, ended = KEYS[1], KEYS[2], KEYS[3]
local call_id, user, idempotency_key = ARGV[1], ARGV[3], ARGV[4]
local at = now()

local record = load_current(job)
local fence = record and parse(record.fence)
local kept = {}
if record then
  kept = all_ended(ended)
  table.insert(kept, 1, record)
end
for _, one in ipairs(kept) do
  if one.createId == call_id then
    local is_own = ARGV[17] == '' or one.start == ARGV[17]
    return { is_own and 'created' or 'started', flatten(one) }
  end
end
if at > tonumber(ARGV[2]) then
  return { 'expired', text(at) }
end
if record and (record.userId or damaged('userId')) ~= user then
  return { 'taken' }
end
local queue = ARGV[17] ~= '' and load_queue(KEYS[7], at)
local run = queue and queue.user == user and find_run(queue, call_id)
if queue and not (run and run.state == 'waiting') then
  return { 'unqueued' }
end
if idempotency_key ~= '' then
  for _, one in ipairs(kept) do
    if one.idempotencyKey == idempotency_key then
      return { 'joined', flatten(one) }
    end
  end
end
if record and ARGV[15] ~= '' and tonumber(fence.generation) > tonumber(ARGV[15]) then
  return { 'unexpected', flatten(record) }
end
local is_replacing = record and is_active(fence.status)
if is_replacing and (fence.generation ~= ARGV[6] or is_behind(fence, ARGV[13], ARGV[14])) then
  return { 'conflict', flatten(record) }
end

-- All guards have been passed: from here on writes are gathered.
local stored = record or fields(redis.call('HGETALL', job))
local floor = record and fence.generation or stored.floor or '0'
local generation = text(math.max(at, whole(floor, 'floor') + 1))
local replaced = false
if is_replacing then
  fence.sequence = text(tonumber(fence.sequence) + 1)
  enter(job, record, fence, 'aborted', at, ARGV[8], ARGV[9], ARGV[16])
  count_lifecycle(job, record)
  close_inbox(record, fence.generation)
  append(log, fence.generation, fence.attempt, fence.sequence, fence.sequence, ARGV[7])
  replaced = flatten(record)
end
if record then
  write('HSET', ended, fence.generation, cjson.encode(record))
end
local keep = tonumber(ARGV[10]) + tonumber(ARGV[11])
if record and string.find(record.settlement or '', '^set_aside') then
  keep = math.max(keep, redis.call('PTTL', job))
end
local created = {}
local values = cjson.decode(ARGV[12])
for i = 1, #values, 2 do
  set(job, created, values[i], values[i + 1])
end
local stamp = text(at)
set(job, created, 'fence', generation .. ' 1 running 1')
set(job, created, 'createdAt', stamp)
set(job, created, 'updatedAt', stamp)
set(job, created, 'leaseUntil', text(at + tonumber(ARGV[10])))
set(job, created, 'lease', lease_of('1', ARGV[10]))
if record and last_key_of(record) > SNAPSHOTS then
  set(job, created, 'keys', text(last_key_of(record)))
end
-- The record before it goes field by field, so that the key is always there: see include/writes.lua.
for field in pairs(stored) do
  if not created[field] then
    write('HDEL', job, field)
  end
end
append(log, generation, '1', '1', '1', ARGV[5])
keep_for(keep, created)
if run then
  remove_run(queue, run)
  put_queue(KEYS[7], queue, at)
end
make_writes()
return { 'created', flatten(created), replaced }
