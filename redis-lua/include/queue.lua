-- A stream's queue: a hash with its revision `rev`, its owner `user`, the newest generation behind whose stop it may go on,
-- `resumed`, and a field "r:<id>" for each run: a line "1 <place> <queued at> <expires at> <state>", a line with its idempotency key as
-- JSON, or empty, and the request. A run that can't be read is none: the others go on. One that has waited too long is `expired`
-- for every reader, whether or not that has been written down.

local QUEUE_STATES = { waiting = true, expired = true, refused = true }
-- What was handed back is kept for so long after its time, and the queue after its last run's.
local QUEUE_KEPT_FOR = 86400000
-- The newest of those that were handed back.
local MOST_RETURNED = 100

-- The run in a stored text, or nil; `is_over` when nobody needs to know of it any more.
local function run_in(id, stored, at)
  check_format({ format = string.match(stored, '^(%d+)%s') })
  local head, key, request = string.match(stored, '^([^\n]*)\n([^\n]*)\n(.*)$')
  local words = {}
  for word in string.gmatch(head or '', '%S+') do
    words[#words + 1] = word
  end
  local place, queued, expires = number_in(words[2]), number_in(words[3]), number_in(words[4])
  if words[1] ~= FORMAT or not (place and queued and expires and QUEUE_STATES[words[5]]) then
    return nil
  end
  local is_lapsed = words[5] == 'waiting' and expires <= at
  return {
    id = id,
    place = place,
    queued = queued,
    expires = expires,
    state = is_lapsed and 'expired' or words[5],
    is_lapsed = is_lapsed,
    is_over = expires + QUEUE_KEPT_FOR <= at,
    key = key,
    request = request,
  }
end

local function text_of_run(run)
  local head = { FORMAT, text(run.place), text(run.queued), text(run.expires), run.state }
  return table.concat(head, ' ') .. '\n' .. run.key .. '\n' .. run.request
end

-- The queue, its runs in their order; `removed` has the fields that go with its next change.
local function load_queue(key, at)
  local stored = fields(redis.call('HGETALL', key))
  local queue = { user = stored.user, revision = counted(stored.rev), resumed = counted(stored.resumed) }
  queue.runs, queue.changed, queue.removed = {}, {}, {}
  for field, value in pairs(stored) do
    local id = string.match(field, '^r:(.*)$')
    local run = id and run_in(id, value, at)
    if run and run.is_over then
      queue.removed[#queue.removed + 1] = field
    elseif run then
      queue.runs[#queue.runs + 1] = run
    end
  end
  table.sort(queue.runs, function(one, other)
    return one.place < other.place or (one.place == other.place and one.id < other.id)
  end)
  if #queue.runs > 0 and not queue.user then
    damaged('queue user')
  end
  return queue
end

-- The run of that id, or nil.
local function find_run(queue, id)
  for _, run in ipairs(queue.runs) do
    if run.id == id then
      return run
    end
  end
  return nil
end

-- The runs that wait, in their order.
local function waiting_runs(queue)
  local waiting = {}
  for _, run in ipairs(queue.runs) do
    if run.state == 'waiting' then
      waiting[#waiting + 1] = run
    end
  end
  return waiting
end

-- Marks a run as changed. With put_queue.
local function change_run(queue, run)
  queue.changed[#queue.changed + 1] = run
end

-- Takes a run out of the queue. With put_queue.
local function remove_run(queue, run)
  for index, one in ipairs(queue.runs) do
    if one == run then
      table.remove(queue.runs, index)
    end
  end
  queue.removed[#queue.removed + 1] = 'r:' .. run.id
end

-- Gathers the change of a queue. With make_writes.
local function put_queue(key, queue, at)
  queue.revision = math.max(queue.revision + 1, at)
  local resumed = text(queue.resumed)
  write('HSET', key, 'rev', text(queue.revision), 'user', queue.user, 'resumed', resumed)
  for _, run in ipairs(queue.changed) do
    write('HSET', key, 'r:' .. run.id, text_of_run(run))
  end
  for _, field in ipairs(queue.removed) do
    write('HDEL', key, field)
  end
  local last = at
  for _, run in ipairs(queue.runs) do
    last = math.max(last, run.expires)
  end
  write('PEXPIRE', key, text(last - at + QUEUE_KEPT_FOR))
end
