-- The change of state itself: everything a status has, and nothing of what it has not.

local function set(job, record, field, value)
  record[field] = value
  write('HSET', job, field, value)
end

local function unset(job, record, field)
  if record[field] then
    record[field] = nil
    write('HDEL', job, field)
  end
end

-- An end by others leaves a producer that may still be there `leave_ms` for its books: so long nobody settles.
local function leave_of(record, fence, at, leave_ms)
  local is_there = fence.status == 'running' and counted(record.leaseUntil) > at
  return is_there and tonumber(leave_ms) or 0
end

local function enter(job, record, fence, status, at, failure, settles, leave_ms)
  local stamp = text(at)
  local wait = settles == '1' and leave_of(record, fence, at, leave_ms) or 0
  set(job, record, 'fence', fence.generation .. ' ' .. fence.attempt .. ' ' .. status .. ' ' .. fence.sequence)
  set(job, record, 'updatedAt', stamp)
  -- What a resumed attempt goes on from stays with it, for a successor; nothing else needs it.
  if status == 'running' and record.action then
    set(job, record, 'resumed', record.action)
  elseif status ~= 'running' then
    unset(job, record, 'resumed')
  end
  unset(job, record, 'held')
  unset(job, record, 'action')
  unset(job, record, 'actionId')
  unset(job, record, 'expiresAt')
  unset(job, record, 'notice')
  if status ~= 'running' then
    unset(job, record, 'leaseUntil')
    unset(job, record, 'lease')
    unset(job, record, 'handover')
  end
  -- What waits for a person is at no replica.
  if status == 'requires_action' then
    unset(job, record, 'replica')
  end
  if is_active(status) then
    return
  end
  set(job, record, 'endedAt', stamp)
  -- Nobody produces what waits for a person.
  if fence.status == 'requires_action' then
    set(job, record, 'left', '1')
  end
  if failure ~= '' then
    set(job, record, 'error', failure)
  end
  set(job, record, 'settlement', (settles == '1' and 'open' or 'settled') .. ' 1 0 ' .. text(at + wait))
end

-- One more event of the lifecycle.
local function count_lifecycle(job, record)
  set(job, record, 'lifecycle', text(counted(record.lifecycle) + 1))
end

local function called(job, record, call_id)
  set(job, record, 'calls', (record.calls or '') .. ' ' .. call_id)
end

-- All keys of a stream expire together, and never before what is due on it. What was set aside stands among the ended
-- ones, whose key lives longest.
local function keep_for(ms, record)
  local kept = lasting(record)
  ms = math.max(ms, redis.call('PTTL', key_at(ENDED)))
  for _, key in ipairs(kept) do
    write('PEXPIRE', key, ms)
  end
end
