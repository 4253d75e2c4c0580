-- The runs that wait on a stream for their turn: see include/queue.lua.
--   add     puts a run at the end; one that is known, by its id or its key, is the answer instead
--   cancel  takes one away · clear all that wait · return hands one back · lapse those that have waited too long
--   move    gives one that waits another place · resume lets the queue go on behind a stop
--   read    changes nothing · drop removes the queue whole
--
-- KEYS  1 job  2 ended  3 queue
-- ARGV  1 name  2 the user: whose it is to be for add, whose it must be, or "", for the others  3 run or ""
--       4 position of a move, generation of a resume, reason of a return, or for how long in ms an added one waits
--       5 most that wait  6 idempotency key as JSON or ""  7 request
-- Reply { "ok", changed "1" or "0", run or "", user or "", revision, resumed, { id, run, ... }, { the same of what was taken away
--         or has lapsed } } | { "taken" } | { "full" } | { "unknown" }
-- @include record
-- @include writes
-- @include queue

local job, ended, key = KEYS[1], KEYS[2], KEYS[3]
local name, user, id = ARGV[1], ARGV[2], ARGV[3]
local at = now()

-- A revision that lies ahead of the clock stays until the clock has passed it, so that the next one is larger.
local function drop()
  if user ~= '' then
    local owner = redis.call('HGET', key, 'user')
    if not owner and redis.call('HLEN', key) > 1 then
      damaged('queue user')
    end
    if owner ~= user then
      return 0
    end
  end
  local found = redis.pcall('HGETALL', key)
  local stored = found.err and {} or fields(found)
  local revision = number_in(stored.rev)
  if not revision or revision < at then
    write('DEL', key)
  else
    write('HSET', key, 'rev', stored.rev)
    for field in pairs(stored) do
      if field ~= 'rev' then
        write('HDEL', key, field)
      end
    end
    write('PEXPIRE', key, text(math.min(revision - at + 1, QUEUE_KEPT_FOR)))
  end
  make_writes()
  return 1
end

if name == 'drop' then
  return drop()
end

local queue = load_queue(key, at)

local function flat(runs)
  local found = {}
  for _, run in ipairs(runs) do
    found[#found + 1] = run.id
    found[#found + 1] = text_of_run(run)
  end
  return found
end

local function ok(is_changed, run_id, removed)
  if is_changed then
    put_queue(key, queue, at)
    make_writes()
  end
  local revision = text(queue.user and queue.revision or 0)
  local head = { 'ok', is_changed and '1' or '0', run_id or '', queue.user or '', revision, text(queue.resumed) }
  head[#head + 1] = flat(queue.runs)
  head[#head + 1] = flat(removed or {})
  return head
end

local function has_started(record)
  for _, one in ipairs(record and all_ended(ended) or {}) do
    if one.createId == id then
      return true
    end
  end
  return record and record.createId == id
end

-- Of those that were handed back the oldest go when there are too many.
local function forget_returned()
  local excess = #queue.runs - #waiting_runs(queue) - MOST_RETURNED
  for _, run in ipairs({ unpack(queue.runs) }) do
    if excess > 0 and run.state ~= 'waiting' then
      remove_run(queue, run)
      excess = excess - 1
    end
  end
end

local function add()
  local record = load_current(job)
  if find_run(queue, id) or has_started(record) then
    return ok(false, id)
  end
  local is_theirs = not record or (record.userId or damaged('userId')) == user
  if not is_theirs or (#queue.runs > 0 and queue.user ~= user) then
    return { 'taken' }
  end
  local waiting = waiting_runs(queue)
  for _, run in ipairs(waiting) do
    if ARGV[6] ~= '' and run.key == ARGV[6] then
      return ok(false, run.id)
    end
  end
  if #waiting >= tonumber(ARGV[5]) then
    return { 'full' }
  end
  local last = queue.runs[#queue.runs]
  local place = last and last.place + 1 or 1
  if queue.user ~= user then
    queue.user, queue.resumed = user, 0
  end
  local run = {
    id = id,
    place = place <= LARGEST and place or damaged('queue place'),
    queued = at,
    expires = at + tonumber(ARGV[4]),
    state = 'waiting',
    key = ARGV[6],
    request = ARGV[7],
  }
  queue.runs[#queue.runs + 1] = run
  change_run(queue, run)
  forget_returned()
  return ok(true, id)
end

local function cancel()
  local run = find_run(queue, id)
  if not run then
    return { 'unknown' }
  end
  remove_run(queue, run)
  return ok(true, id, { run })
end

local function move()
  local waiting = waiting_runs(queue)
  local from, places = nil, {}
  for index, run in ipairs(waiting) do
    places[index] = run.place
    from = run.id == id and index or from
  end
  if not from then
    return { 'unknown' }
  end
  local to = math.max(1, math.min(tonumber(ARGV[4]), #waiting))
  table.insert(waiting, to, table.remove(waiting, from))
  for index, run in ipairs(waiting) do
    if run.place ~= places[index] then
      run.place = places[index]
      change_run(queue, run)
    end
  end
  table.sort(queue.runs, function(one, other)
    return one.place < other.place
  end)
  return ok(from ~= to)
end

local function clear()
  local waiting = waiting_runs(queue)
  for _, run in ipairs(waiting) do
    remove_run(queue, run)
  end
  return ok(#waiting > 0, nil, waiting)
end

local function resume()
  local generation = tonumber(ARGV[4])
  local is_changed = #queue.runs > 0 and generation > queue.resumed
  if is_changed then
    queue.resumed = generation
  end
  return ok(is_changed)
end

local function give_back()
  local run = find_run(queue, id)
  if not run then
    return { 'unknown' }
  end
  if run.state ~= 'waiting' and not run.is_lapsed then
    return ok(false)
  end
  run.state = ARGV[4]
  change_run(queue, run)
  return ok(true)
end

local function lapse()
  local lapsed = {}
  for _, run in ipairs(queue.runs) do
    if run.is_lapsed then
      lapsed[#lapsed + 1] = run
      change_run(queue, run)
    end
  end
  return ok(#lapsed > 0, nil, lapsed)
end

if name == 'read' then
  return ok(false)
elseif name == 'add' then
  return add()
elseif user ~= '' and queue.user and queue.user ~= user then
  return { 'unknown' }
end
local steps = { cancel = cancel, move = move, clear = clear, resume = resume, lapse = lapse }
steps['return'] = give_back
return steps[name]()
