-- A producer's commit that changes the record: a patch, or the end of the attempt (pause, complete, fail), with the
-- events before it. Guards as in append.lua; a repeated call id gets the first answer. An end is written even when the
-- log is gone, so that followers have one.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots  5 inbox  6 receipts
--       Without a change of state the first two are enough, and the first five when it takes messages.
-- ARGV  1 generation  2 attempt  3 last sequence before  4 number of events  5 lines of the events
--       6 patch number or ""  7 JSON [field, value, ...] to set  8 call id or ""  9 new status
--       10 action as JSON without its end or ""  11 action id  12 expires in ms  13 failure as JSON or ""
--       14 settles "1" or "0"  15 expiry margin in ms  16 how long the notice of a pause is claimed in ms, or ""
--       17 release the idempotency key "1" or "0"  18 ids of messages that it takes, parted by spaces, or ""
--       19 only when none waits after that "1" or "0"
-- Reply { "ok", last sequence, record } | { refusal, record | nil }
--       refusal: gone replaced ended paused fenced sequence inbox; held, unless the state changes
-- @include record
-- @include writes
-- @include append
-- @include enter
-- @include announce
-- @include patch
-- @include inbox

local job, log, ended = KEYS[1], KEYS[2], KEYS[3]
local generation, attempt, before, count = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local call_id = ARGV[8]

local record, fence, is_current = load_generation(job, ended, generation)
if not record then
  return { 'gone' }
end
if has_called(record, call_id) then
  return { 'ok', fence.sequence, flatten(record) }
end
local refusal = not is_current and 'replaced' or refusal_of_producer(fence, attempt)
if refusal then
  return { refusal, flatten(record) }
end
local after = text(tonumber(before) + count)
if fence.sequence ~= before then
  if call_id == '' and fence.sequence == after then
    return { 'ok', after, {} }
  end
  return { 'sequence', flatten(record) }
end
if call_id == '' and is_held(counted(record.held), now()) then
  return { 'held' }
end
local waiting = lines_in(record.inbox)
local taken = take_lines(waiting, ARGV[18])
if ARGV[19] == '1' and #waiting > 0 then
  return { 'inbox', flatten(record) }
end

-- All guards have been passed: from here on writes are gathered.
local at = now()
local lines = ARGV[5]
local ends = call_id ~= '' and not is_active(ARGV[9])
local function put(field, value)
  set(job, record, field, value)
end
fence.sequence = after
if call_id == '' then
  set(job, record, 'fence', generation .. ' ' .. attempt .. ' running ' .. after)
else
  enter(job, record, fence, ARGV[9], at, ARGV[13], ARGV[14], 0)
  count_lifecycle(job, record)
  called(job, record, call_id)
  if ARGV[17] == '1' then
    unset(job, record, 'idempotencyKey')
  end
  if ARGV[10] ~= '' then
    -- Since and until when is the store's to say: it completes the record's action and the event's.
    local expires_at = text(at + tonumber(ARGV[12]))
    local times = ',"askedAt":' .. text(at) .. ',"expiresAt":' .. expires_at
    set(job, record, 'action', ARGV[10] .. times .. '}')
    set(job, record, 'actionId', ARGV[11])
    set(job, record, 'expiresAt', expires_at)
    if ARGV[16] ~= '' then
      set(job, record, 'notice', 'open 1 1 ' .. text(at + tonumber(ARGV[16])) .. ' claimed')
    end
    lines = lines .. times .. '}}\n'
  end
end
-- A call that lacks keys asks for all of them at once.
local _ = call_id ~= '' and lasting(record)
if ends then
  close_inbox(record, generation)
end
local is_told = #taken > 0
if is_told then
  put_inbox(record, waiting, put)
  for _, line in ipairs(taken) do
    remember(job, generation, line.id, ends and TAKEN or line_of(line))
  end
end
if is_new_patch(record, ARGV[6]) then
  is_told = apply_patch(record, ARGV[6], ARGV[7], put) or is_told
  put('updatedAt', text(at))
end
-- Behind what makes a key or gives one the time that the record had until now.
if call_id ~= '' then
  keep_for(tonumber(ARGV[12]) + tonumber(ARGV[15]), record)
end
-- Told before the events it goes with: behind an end nobody would look at it any more.
if is_told then
  announce(log, { generation = generation, sequence = before }, record)
end
if count > 0 then
  append(log, generation, attempt, text(tonumber(before) + 1), after, lines, call_id == '' or is_active(ARGV[9]))
end
if not make_writes() then
  return { 'sequence', flatten(load_current(job)) }
end
return { 'ok', after, flatten(record) }
