-- A generation's record as the scripts see it. The current one is the hash `job`; ended ones are JSON in the hash `ended`.
-- `fence` = "<generation> <attempt> <status> <last sequence>": what a producer must match, in one field, so that its
-- commit needs one read and one write of it. Numbers stay text where they can: Lua would print large ones in floats.
--
-- What a decision needs and can't be read is refused by name (`damaged`), before anything is written. What is only kept
-- or counted counts as empty or none when it can't be read, so that garbage in it never stands in the way of an end.
-- @include clock

local STATUSES = { running = true, requires_action = true, completed = true, failed = true, aborted = true }
-- Beyond it, numbers lose their last digits.
local LARGEST = 9007199254740991
local FORMAT = '1'
-- The places of those of a stream's keys that not every call is given.
local ENDED, SNAPSHOTS, INBOX, RECEIPTS = 3, 4, 5, 6

local function damaged(what)
  error({ err = 'DAMAGED ' .. what .. ' can not be read' })
end

-- The key at a place. A call that was not given it is answered with how many keys it needs, and is made again with them: while
-- a slot moves, a cluster refuses a call of which a key is not there, and few streams have them all. Nothing has been written
-- then, and a key that was not given is never taken for an empty one.
local function key_at(place)
  return KEYS[place] or error({ err = 'MOREKEYS ' .. place })
end

local function text(number)
  return string.format('%.0f', number)
end

-- The number that a text holds, if it is whole, not negative and not beyond LARGEST.
local function number_in(value)
  if type(value) ~= 'string' or #value > 16 or not string.find(value, '^%d+$') then
    return nil
  end
  local number = tonumber(value)
  return number <= LARGEST and number or nil
end

-- Of a field that a decision needs.
local function whole(value, what)
  return number_in(value) or damaged(what)
end

-- Of a field that only counts, or whose lack lets the generation come to an end.
local function counted(value)
  return number_in(value) or 0
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

local function try_parse(fence)
  local generation, attempt, status, sequence = string.match(fence or '', '^(%d+) (%d+) ([%a_]+) (%d+)$')
  if STATUSES[status] and number_in(generation) and number_in(attempt) and number_in(sequence) then
    return { generation = generation, attempt = attempt, status = status, sequence = sequence }
  end
  return nil
end

local function parse(fence)
  return try_parse(fence) or damaged('fence')
end

-- A later release may have written what this one does not know; anything else that is no format stands for this one.
local function check_format(record)
  if record.format and record.format ~= FORMAT and number_in(record.format) then
    error({ err = 'FORMAT ' .. record.format })
  end
  return record
end

-- The current record, or nil: a deleted stream may leave a hash without a fence for a moment.
local function load_current(job)
  local record = fields(redis.call('HGETALL', job))
  if record.fence then
    return check_format(record)
  end
  return nil
end

local function try_decode(json)
  local is_read, value = pcall(cjson.decode, json)
  return is_read and value or nil
end

-- The record in a stored text, or nil.
local function record_in(stored)
  local found = try_decode(stored)
  if type(found) ~= 'table' then
    return nil
  end
  local record = {}
  for field, value in pairs(found) do
    if type(field) == 'string' and type(value) == 'string' then
      record[field] = value
    end
  end
  return try_parse(record.fence) and record or nil
end

-- `ended` is nil here and below where the call was not given the key.
local function load_ended(ended, generation)
  local stored = redis.call('HGET', ended or key_at(ENDED), generation)
  if not stored then
    return nil
  end
  return check_format(record_in(stored) or damaged('ended record'))
end

-- The record of a generation, its fence, and whether it is the current one; nil when it is not kept.
local function load_generation(job, ended, generation)
  local record = load_current(job)
  if not record then
    return nil
  end
  local fence = parse(record.fence)
  if fence.generation == generation then
    return record, fence, true
  end
  record = load_ended(ended, generation)
  if not record then
    return nil
  end
  return record, parse(record.fence), false
end

-- The ended records that can be read: the others are in nobody's way, and neither is a key of another type.
local function all_ended(ended)
  local records = {}
  for _, stored in ipairs(redis.pcall('HVALS', ended or key_at(ENDED))) do
    records[#records + 1] = record_in(stored)
  end
  return records
end

-- The place of the last of a stream's keys that may hold something: the inbox and the receipts only once a record says, by
-- `messages` and by `receipts`, that there is something in them, or by `keys` that there is of a generation before it.
local function last_key_of(record)
  local own = record.receipts and RECEIPTS or record.messages and INBOX or SNAPSHOTS
  return math.max(own, math.min(counted(record.keys), RECEIPTS))
end

-- Those of a stream's keys that live as long as its record. The last comes first: whoever is given it is given all.
local function lasting(record)
  local kept = {}
  for place = last_key_of(record), 1, -1 do
    kept[#kept + 1] = key_at(place)
  end
  return kept
end

-- How long the lease of an attempt is. The attempt stands beside it, since a release that does not know the field leaves
-- it as it was when it takes over.
local function lease_of(attempt, ms)
  return attempt .. ' ' .. ms
end

-- Whether the generation has gone on since its end was described, from `sequence` and `attempt`, "" when it was not.
local function is_behind(fence, sequence, attempt)
  return sequence ~= '' and (fence.sequence ~= sequence or fence.attempt ~= attempt)
end

local function is_active(status)
  return status == 'running' or status == 'requires_action'
end

-- Why a producer may not write, by the fence of the current generation, which is its own; nil when it may.
local function refusal_of_producer(fence, attempt)
  if fence.attempt ~= attempt then
    return is_active(fence.status) and 'fenced' or 'ended'
  end
  if fence.status == 'requires_action' then
    return 'paused'
  end
  return fence.status ~= 'running' and 'ended' or nil
end

-- Whether a call has been made before: "" is none.
local function has_called(record, call_id)
  return call_id ~= '' and string.find((record.calls or '') .. ' ', ' ' .. call_id .. ' ', 1, true) ~= nil
end
