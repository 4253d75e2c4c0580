-- Metadata and notes that anybody writes to a kept generation, current or not. No fence is looked at, and none is moved.
-- A note is a field, "n:<key>" = "<revision> <place> <event> <data>": when it was written, and where among those of its step.
-- One that was taken away has the data null, so that followers can be told; it counts only among all.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended
-- ARGV  1 generation  2 call id  3 JSON [field, value, ...] of the metadata  4 JSON [key, event, data, ...] of the notes
--       5 most bytes of metadata  6 most notes  7 most bytes of notes
-- Reply as commit.lua; refusal: gone metadata notes
-- @include record
-- @include writes
-- @include announce
-- @include patch

local REMEMBERED_CALLS = 16

local function bytes_of_metadata(record)
  local bytes = 0
  for field, value in pairs(record) do
    if string.sub(field, 1, 2) == 'm:' then
      bytes = bytes + #field - 2 + #value
    end
  end
  return bytes
end

-- When a note was written, and its event and data; nil for what can't be read.
local function note_in(stored)
  local revision, place, told = string.match(stored or '', '^(%d+) (%d+) (.*)$')
  return told and { told = told, revision = counted(revision), place = counted(place), is_gone = string.find(told, '^%S+ null$') }
end

-- The notes that stand: how many, and their bytes.
local function size_of_notes(record)
  local count, bytes = 0, 0
  for field, value in pairs(record) do
    local note = string.sub(field, 1, 2) == 'n:' and note_in(value)
    if note and not note.is_gone then
      count = count + 1
      bytes = bytes + #field - 2 + #note.told - 1
    end
  end
  return count, bytes
end

-- The fields of the notes that were taken away, the oldest first, as many as there are notes above `most`.
local function forgotten(record, most)
  local total, gone = 0, {}
  for field, value in pairs(record) do
    if string.sub(field, 1, 2) == 'n:' then
      local note = note_in(value)
      total = total + 1
      if not note or note.is_gone then
        gone[#gone + 1] = { field = field, revision = note and note.revision or 0, place = note and note.place or 0 }
      end
    end
  end
  table.sort(gone, function(one, other)
    return one.revision < other.revision or (one.revision == other.revision and one.place < other.place)
  end)
  for i = #gone, math.max(total - most, 0) + 1, -1 do
    gone[i] = nil
  end
  return gone
end

local job, ended, generation, call_id = KEYS[1], KEYS[3], ARGV[1], ARGV[2]
local before, fence, is_current = load_generation(job, ended, generation)
if not before then
  return { 'gone' }
end
if string.find(' ' .. (before.annotations or '') .. ' ', ' ' .. call_id .. ' ', 1, true) then
  return { 'ok', fence.sequence, flatten(before) }
end
local record = {}
for field, value in pairs(before) do
  record[field] = value
end
local function put(field, value)
  record[field] = value
  if is_current then
    write('HSET', job, field, value)
  end
end

local metadata, changes = cjson.decode(ARGV[3]), {}
for i = 1, #metadata, 2 do
  if record[metadata[i]] ~= metadata[i + 1] then
    changes[#changes + 1] = metadata[i]
    changes[#changes + 1] = metadata[i + 1]
  end
end
put_values(record, changes, put)
local is_changed = #changes > 0
local notes, revision = cjson.decode(ARGV[4]), text(counted(record.rev) + settlement_revision(record) + 1)
for i = 1, #notes, 3 do
  local field, told = 'n:' .. notes[i], notes[i + 1] .. ' ' .. notes[i + 2]
  local known = note_in(record[field])
  local is_same = known and known.told == told
  -- What is not there need not be taken away.
  if not is_same and (known or notes[i + 2] ~= 'null') then
    put(field, revision .. ' ' .. i .. ' ' .. told)
    is_changed = true
  end
end
if not is_changed then
  return { 'ok', fence.sequence, flatten(before) }
end

local bytes = bytes_of_metadata(record)
if bytes > tonumber(ARGV[5]) and bytes > bytes_of_metadata(before) then
  return { 'metadata', flatten(before) }
end
local count, note_bytes = size_of_notes(record)
local count_before, bytes_before = size_of_notes(before)
local is_beyond = note_bytes > tonumber(ARGV[7]) and note_bytes > bytes_before
if is_beyond or (count > tonumber(ARGV[6]) and count > count_before) then
  return { 'notes', flatten(before) }
end

raise_revision(record, put)
local calls = {}
for call in string.gmatch((record.annotations or '') .. ' ' .. call_id, '%S+') do
  calls[#calls + 1] = call
end
put('annotations', table.concat(calls, ' ', math.max(#calls - REMEMBERED_CALLS, 0) + 1))
for _, one in ipairs(forgotten(record, tonumber(ARGV[6]))) do
  record[one.field] = nil
  if is_current then
    write('HDEL', job, one.field)
  end
end
if not is_current then
  write('HSET', ended, generation, cjson.encode(record))
end
announce(KEYS[2], fence, record)
make_writes()
return { 'ok', fence.sequence, flatten(record) }
