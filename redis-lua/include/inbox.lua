-- The inbox of a generation. What waits for the producer is the record's field `inbox`, a line a message in the order in
-- which they were accepted, so that it goes wherever the record goes, with a release that does not know it too:
--   <id> TAB <place> TAB <sent at> TAB <edits> TAB <attempt that takes it, 0 for none> TAB <head, JSON> TAB <message, JSON> LF
-- JSON text holds neither a raw tab nor a line break. `waiting` counts the lines, `messages` all that were ever accepted.
-- Behind an end `inbox` is what was never taken; `claimed` is what somebody has claimed of it, behind the call and a LF.
-- The key `inbox` has what does not wait any more: under "<generation>:<id>" the line of what was taken ("taken" behind the
-- end), "" of what was cancelled; under "<generation>:k:<idempotency key>" the id of a message.

local LINE = '^([^\t]+)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t([^\t]*)\t([^\t]*)$'

-- Stands for the line of what was taken, behind an end.
local TAKEN = 'taken'

-- The line as it is read; nil for what can't be.
local function line_in(stored)
  local id, place, at, edits, attempt, head, message = string.match(stored, LINE)
  if not (number_in(place) and number_in(at) and number_in(edits) and number_in(attempt)) then
    return nil
  end
  return { id = id, place = place, at = at, edits = edits, attempt = attempt, head = head, message = message }
end

local function line_of(line)
  local parts = { line.id, line.place, line.at, line.edits, line.attempt, line.head, line.message }
  return table.concat(parts, '\t') .. '\n'
end

local function lines_in(stored)
  local lines = {}
  for one in string.gmatch(stored or '', '([^\n]*)\n') do
    lines[#lines + 1] = line_in(one)
  end
  return lines
end

-- The place of a message among the lines, or nil.
local function index_of(lines, id)
  for index, line in ipairs(lines) do
    if line.id == id then
      return index
    end
  end
  return nil
end

-- `put` sets a field, in the record too. Followers are told of it as of a note: see announce.lua.
local function put_inbox(record, lines, put)
  local texts = {}
  for index, line in ipairs(lines) do
    texts[index] = line_of(line)
  end
  put('inbox', table.concat(texts))
  put('waiting', text(#lines))
  raise_revision(record, put)
end

-- Takes messages out of what waits; those that don't wait are passed over.
local function take_lines(lines, ids)
  local taken = {}
  for id in string.gmatch(ids, '%S+') do
    local index = index_of(lines, id)
    if index then
      taken[#taken + 1] = table.remove(lines, index)
    end
  end
  return taken
end

-- Writes a field of the key `inbox`, which lives as long as the record's.
local function remember(job, generation, name, value)
  local inbox = key_at(INBOX)
  write('HSET', inbox, generation .. ':' .. name, value)
  live_beside(job, inbox)
end

-- What the key has of a generation, as { field, value, ... }; nothing of a key that is none. One that was not given is asked
-- for: what was taken would be lost if it were taken for none.
local function remembered(record, generation)
  local found = {}
  if counted(record.messages) == 0 then
    return found
  end
  local stored = redis.pcall('HGETALL', key_at(INBOX))
  local prefix = generation .. ':'
  for i = 1, stored.err and 0 or #stored, 2 do
    if string.sub(stored[i], 1, #prefix) == prefix then
      found[#found + 1] = stored[i]
      found[#found + 1] = stored[i + 1]
    end
  end
  return found
end

-- A take-over that starts the answer over: what was taken waits again, at the head, since its places come first.
local function put_back(record, generation, put)
  local lines, is_changed = lines_in(record.inbox), false
  local known = remembered(record, generation)
  for i = 1, #known, 2 do
    local line = line_in(string.sub(known[i + 1], 1, -2))
    if line and not index_of(lines, line.id) then
      line.attempt = '0'
      lines[#lines + 1] = line
      write('HDEL', key_at(INBOX), known[i])
      is_changed = true
    end
  end
  table.sort(lines, function(one, other)
    return tonumber(one.place) < tonumber(other.place)
  end)
  if is_changed then
    put_inbox(record, lines, put)
  end
  return is_changed
end

-- Behind an end nothing is put back any more: of what was taken only that it was accepted is known on.
local function close_inbox(record, generation)
  local known = remembered(record, generation)
  for i = 1, #known, 2 do
    if line_in(string.sub(known[i + 1], 1, -2)) then
      write('HSET', key_at(INBOX), known[i], TAKEN)
    end
  end
end
