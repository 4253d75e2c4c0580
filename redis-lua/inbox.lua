-- What senders do with the inbox of a generation, and its producer before it takes a message: see include/inbox.lua.
--   send     accepts a message at the end of what waits; one that is known, by its id or its key, is accepted once
--   edit     changes the data of one that waits · cancel takes one away
--   reserve  marks the first that waits as being taken by the attempt: from then on it is neither edited nor cancelled
--   recall   lists what earlier attempts have taken, in the order it was accepted, unless it waits again
--   claim    hands out, once, what waited when the generation ended
-- Guards: the stream is the user's; for what changes the inbox the generation is current and active, for reserve and recall as
-- append.lua's without a place, for claim it has ended.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots  5 inbox
-- ARGV  1 name  2 generation, or "" for the current one  3 the user whose it must be, or ""  4 id of the message, or of a claim
--       5 head as JSON  6 message as JSON  7 idempotency key or ""  8 most that wait  9 most that are ever accepted
--       10 attempt that reserves or recalls  11 made before, and not answered "1" or "0"
-- Reply { "ok", last sequence, record, id, accepted now "1" or "0", lines of what is claimed or recalled }
--       refusal as commit.lua: gone replaced ended paused running fenced full message
-- @include record
-- @include writes
-- @include announce
-- @include inbox

local job, ended, inbox = KEYS[1], KEYS[3], key_at(INBOX)
local name, id, key = ARGV[1], ARGV[4], ARGV[7]

local record, fence, is_current
if ARGV[2] == '' then
  record = load_current(job)
  fence, is_current = record and parse(record.fence), true
else
  record, fence, is_current = load_generation(job, ended, ARGV[2])
end
if not record or (ARGV[3] ~= '' and record.userId ~= ARGV[3]) then
  return { 'gone' }
end

local function put(field, value)
  record[field] = value
  if is_current then
    write('HSET', job, field, value)
  end
end

local function changed()
  if not is_current then
    write('HSET', ended, fence.generation, cjson.encode(record))
  end
  announce(KEYS[2], fence, record)
  make_writes()
end

local function ok(known_id, is_new, lines)
  return { 'ok', fence.sequence, flatten(record), known_id or '', is_new and '1' or '0', lines or '' }
end

-- The line, or what is remembered, of a message of a generation; nil for one it has never had.
local function known_in(one, generation, message_id)
  local lines = lines_in(one.inbox)
  local index = index_of(lines, message_id)
  if index then
    return line_of(lines[index])
  end
  local known = counted(one.messages) > #lines and redis.call('HGET', inbox, generation .. ':' .. message_id)
  return known or (index_of(lines_in(one.claimed), message_id) and 'claimed') or nil
end

-- A call that got no answer may have reached a generation that is not current any more.
local function find_repeat()
  if known_in(record, fence.generation, id) then
    return true
  end
  if ARGV[11] == '1' and ARGV[2] == '' then
    for _, one in ipairs(all_ended(ended)) do
      local generation = parse(one.fence).generation
      if one.userId == record.userId and known_in(one, generation, id) then
        record, fence, is_current = one, parse(one.fence), false
        return true
      end
    end
  end
  return false
end

local function send()
  if find_repeat() then
    return ok(id, true)
  end
  local known = key ~= '' and redis.call('HGET', inbox, fence.generation .. ':k:' .. key)
  if known then
    return ok(known, false)
  end
  local lines = lines_in(record.inbox)
  local accepted = counted(record.messages)
  if not is_current then
    return { 'replaced', flatten(record) }
  end
  if not is_active(fence.status) then
    return { 'ended', flatten(record) }
  end
  if #lines >= tonumber(ARGV[8]) or accepted >= tonumber(ARGV[9]) then
    return { 'full', flatten(record) }
  end
  accepted = text(accepted + 1)
  lines[#lines + 1] =
    { id = id, place = accepted, at = text(now()), edits = '0', attempt = '0', head = ARGV[5], message = ARGV[6] }
  put('messages', accepted)
  put_inbox(record, lines, put)
  if key ~= '' then
    remember(job, fence.generation, 'k:' .. key, id)
  end
  changed()
  return ok(id, true)
end

-- A message that waits, and that nobody takes at this moment.
local function editable(lines)
  local index = index_of(lines, id)
  local is_taken = index and fence.status == 'running' and lines[index].attempt == fence.attempt
  return not is_taken and index or nil
end

local function change()
  local lines = lines_in(record.inbox)
  local index = is_current and is_active(fence.status) and editable(lines)
  if not index then
    -- The same again, whose first answer was lost.
    find_repeat()
    local known = known_in(record, fence.generation, id)
    local line = known and line_in(string.sub(known, 1, -2))
    local is_done = (name == 'cancel' and known == '') or (name == 'edit' and line and line.message == ARGV[6])
    local refusal = is_current and is_active(fence.status) and 'message' or 'ended'
    return is_done and ok(id, false) or { refusal, flatten(record) }
  end
  if name == 'cancel' then
    table.remove(lines, index)
    remember(job, fence.generation, id, '')
  elseif lines[index].message == ARGV[6] then
    return ok(id, false)
  else
    lines[index].message = ARGV[6]
    lines[index].edits = text(tonumber(lines[index].edits) + 1)
  end
  put_inbox(record, lines, put)
  changed()
  return ok(id, true)
end

local function reserve()
  local refusal = not is_current and 'replaced' or refusal_of_producer(fence, ARGV[10])
  if refusal then
    return { refusal, flatten(record) }
  end
  local lines = lines_in(record.inbox)
  if lines[1] and lines[1].attempt ~= fence.attempt then
    lines[1].attempt = fence.attempt
    local texts = {}
    for index, line in ipairs(lines) do
      texts[index] = line_of(line)
    end
    put('inbox', table.concat(texts))
    make_writes()
  end
  return ok(lines[1] and lines[1].id, false)
end

local function recall()
  local refusal = not is_current and 'replaced' or refusal_of_producer(fence, ARGV[10])
  if refusal then
    return { refusal, flatten(record) }
  end
  local known, taken = remembered(record, fence.generation), {}
  for i = 2, #known, 2 do
    local line = line_in(string.sub(known[i], 1, -2))
    if line and tonumber(line.attempt) < tonumber(fence.attempt) then
      taken[#taken + 1] = line
    end
  end
  table.sort(taken, function(one, other)
    return tonumber(one.place) < tonumber(other.place)
  end)
  for index, line in ipairs(taken) do
    taken[index] = line_of(line)
  end
  return ok('', false, table.concat(taken))
end

local function claim()
  if is_active(fence.status) then
    return { 'running', flatten(record) }
  end
  local by, lines = string.match(record.claimed or '', '^([^\n]*)\n(.*)$')
  if by == id then
    return ok('', false, lines)
  end
  lines = record.inbox or ''
  if #lines_in(lines) == 0 then
    return ok('', false)
  end
  put('claimed', id .. '\n' .. lines)
  put_inbox(record, {}, put)
  changed()
  return ok('', true, lines)
end

if name == 'send' then
  return send()
elseif name == 'reserve' then
  return reserve()
elseif name == 'recall' then
  return recall()
elseif name == 'claim' then
  return claim()
end
return change()
