-- Keeps a snapshot if it is newer than the one there, not ahead of the log, and of the current attempt; then removes the
-- batches that lie wholly before it, if asked: all that is before it in one command when nothing older is kept in the log.
-- Entries of older generations lie before them all and stay; beside those, each batch has to be named.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots
-- ARGV  1 generation  2 attempt  3 sequence  4 snapshot as JSON  5 trim "1" or "0"
-- Reply 1 kept | 0 not
-- @include record
-- @include writes

local job, log, ended, snapshots = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local generation, sequence = ARGV[1], ARGV[3]
local CHUNK = 256

local record, fence, is_current = load_generation(job, ended, generation)
if not record then
  return 0
end
if fence.attempt ~= ARGV[2] or tonumber(sequence) > tonumber(fence.sequence) then
  return 0
end
if tonumber(sequence) <= counted(record.snapshotSequence) then
  return 0
end

write('HSET', snapshots, generation, ARGV[4])
live_beside(job, snapshots)
record.snapshotSequence = sequence
if ARGV[5] == '1' then
  record.firstSequence = text(tonumber(sequence) + 1)
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  if oldest and string.match(oldest[1], '^%d+') == generation then
    write('XTRIM', log, 'MINID', generation .. '-' .. record.firstSequence)
  elseif oldest then
    local entries
    local from = generation .. '-0'
    repeat
      entries = redis.call('XRANGE', log, from, generation .. '-' .. sequence, 'COUNT', CHUNK)
      local removal = { 'XDEL', log }
      for _, entry in ipairs(entries) do
        removal[#removal + 1] = entry[1]
      end
      if #entries > 0 then
        write(unpack(removal))
        from = '(' .. removal[#removal]
      end
    until #entries < CHUNK
  end
end
if is_current then
  write('HSET', job, 'snapshotSequence', sequence, 'firstSequence', record.firstSequence or '1')
else
  write('HSET', ended, generation, cjson.encode(record))
end
make_writes()
return 1
