-- A generation's record as the scripts see it. The current one is the hash `job`; ended ones are JSON in the hash `ended`.
-- `fence` = "<generation> <attempt> <status> <last sequence>": what a producer must match, in one field, so that its
-- commit needs one read and one write of it. Numbers stay text where they can: Lua would print large ones in floats.

local function text(number)
  return string.format('%.0f', number)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function fields(flat)
  local record = {}
  for i = 1, #flat, 2 do
    record[flat[i]] = flat[i + 1]
  end
  return record
end

local function flatten(record)
  local flat = {}
  for field, value in pairs(record) do
    flat[#flat + 1] = field
    flat[#flat + 1] = value
  end
  return flat
end

-- The current record, or nil: a deleted stream may leave a hash without a fence for a moment.
local function load_current(job)
  local record = fields(redis.call('HGETALL', job))
  if record.fence then
    return record
  end
  return nil
end

local function load_ended(ended, generation)
  local stored = redis.call('HGET', ended, generation)
  return stored and cjson.decode(stored) or nil
end

local function parse(fence)
  local generation, attempt, status, sequence = string.match(fence, '^(%d+) (%d+) ([%a_]+) (%d+)$')
  return { generation = generation, attempt = attempt, status = status, sequence = sequence }
end

-- How long the lease of an attempt is. The attempt stands beside it, since a release that does not know the field leaves
-- it as it was when it takes over.
local function lease_of(attempt, ms)
  return attempt .. ' ' .. ms
end

-- Whether the producer is held still while an end is described: see hold.lua.
local function is_held(record, at)
  return (tonumber(record.held) or 0) > at
end

-- Whether the generation has gone on since its end was described, from `sequence` and `attempt`, "" when it was not.
local function is_behind(fence, sequence, attempt)
  return sequence ~= '' and (fence.sequence ~= sequence or fence.attempt ~= attempt)
end

local function is_active(status)
  return status == 'running' or status == 'requires_action'
end

local function has_called(record, call_id)
  return string.find((record.calls or '') .. ' ', ' ' .. call_id .. ' ', 1, true) ~= nil
end
