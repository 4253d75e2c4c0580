-- One look at a generation's log: entries after a place, where the log begins and ends, its state; in one step, so that
-- a trim or an end between two looks can't pass for "nothing new".
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  and for "snapshot"  4 snapshots
-- ARGV  1 generation or ""  2 sequence or "snapshot"  3 most events  4 most bytes  5 record wanted "1" or "0"
-- Reply { "" } no stream | { "missing", current generation, user id }
--       { "page", generation, current generation, next generation or "", user id, status, first, last, snapshot
--         sequence, snapshot or "", record or {}, rev or "", settlement or "", changed or "", entry, ... }
-- An entry holds whole batches: the reader drops what it has.
-- @include record

local job, log, ended = KEYS[1], KEYS[2], KEYS[3]
local CHUNK = 32

local wanted = redis.call(
  'HMGET', job, 'fence', 'userId', 'firstSequence', 'snapshotSequence', 'format', 'rev', 'settlement', 'changed'
)
if not wanted[1] then
  return { '' }
end
check_format({ format = wanted[5] })
-- Redis refuses a log that is none, also when nothing new is looked for: its followers are told.
redis.call('XLEN', log)
local current = parse(wanted[1])
local generation = ARGV[1] == '' and current.generation or ARGV[1]
local user = wanted[2] or damaged('userId')
local fence, first, snapshot_sequence, rev, settlement = current, wanted[3], wanted[4], wanted[6], wanted[7]
local changed = wanted[8]
local record, following = nil, ''
if generation ~= current.generation then
  record = load_ended(ended, generation)
  if not record then
    return { 'missing', current.generation, user }
  end
  fence, first, snapshot_sequence = parse(record.fence), record.firstSequence, record.snapshotSequence
  rev, settlement, changed = record.rev, record.settlement, record.changed
  following = current.generation
  for _, kept in ipairs(redis.pcall('HKEYS', ended)) do
    local number = counted(kept)
    if number > tonumber(generation) and number < tonumber(following) then
      following = kept
    end
  end
elseif ARGV[5] == '1' then
  record = load_current(job)
end

local snapshot, after = '', ARGV[2]
if after == 'snapshot' then
  -- One that can't be read, or whose place can't, is none.
  local found = number_in(snapshot_sequence) and redis.pcall('HGET', key_at(SNAPSHOTS), generation)
  snapshot = type(found) == 'string' and found or ''
  after = snapshot ~= '' and snapshot_sequence or '0'
end
local page = {
  'page', generation, current.generation, following, user, fence.status, text(math.max(counted(first), 1)),
  fence.sequence, text(counted(snapshot_sequence)), snapshot, (ARGV[5] == '1' and record) and flatten(record) or {},
  rev or '', settlement or '', changed or '',
}

local reached, bytes, sequence = false, 0, tonumber(after)
local most_events, most_bytes = sequence + tonumber(ARGV[3]), tonumber(ARGV[4])
while not reached and sequence < tonumber(fence.sequence) do
  local from = generation .. '-' .. text(sequence + 1)
  local entries = redis.call('XRANGE', log, from, generation .. '-' .. fence.sequence, 'COUNT', CHUNK)
  for _, entry in ipairs(entries) do
    page[#page + 1] = entry[2][2]
    bytes = bytes + #entry[2][2]
    sequence = tonumber(string.match(entry[1], '%-(%d+)$'))
    if bytes >= most_bytes or sequence >= most_events then
      reached = true
      break
    end
  end
  reached = reached or #entries < CHUNK
end
return page
