-- Keeps where a stream stands in its user's feed, if that is newer than what is kept; the title and the queue by themselves.
--
-- KEYS  1 feed  2 order  3 live channel
-- ARGV  1 stream  2 generation, 0 with 9 for the one that is known  3 count  4 kind  5 state  6 revision of the title or ""
--       7 title  8 most entries  9 only where the stream is known, by a generation of at most this, or "0"  10 kept for ms
--       11 revision of the queue or ""  12 queue, "" when nothing waits
-- Reply 1 it was newer | 0
-- @include feed

-- What was under way when all was cleared arrives within this time.
local CLEARED_FOR = 60000

local feed, order, live = KEYS[1], KEYS[2], KEYS[3]
local stream, generation, count, kind = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local at, field = now(), 's:' .. stream
local head = redis.call('HMGET', feed, 'floor', 'cleared', field)
local is_whole = is_whole_feed(feed, order, head[1], head[2])
local known = is_whole and entry_in(head[3]) or nil
local cleared = counted(head[2])
local queue_revision, queue, up_to = number_in(ARGV[11]), ARGV[12], tonumber(ARGV[9])
if up_to > 0 then
  if not known or known.generation > up_to then
    return 0
  end
  generation = generation > 0 and generation or known.generation
elseif (generation > 0 and generation or queue_revision or 0) < cleared and cleared + CLEARED_FOR > at then
  return 0
end

-- A title alone counts nothing.
local is_newer = not known
  or (generation > known.generation and count > 0)
  or (generation == known.generation and count > known.count)
local revision = number_in(ARGV[6])
local is_titled = revision
  and (
    not known
    or generation > known.title_generation
    or (generation == known.title_generation and revision > known.title_revision)
  )
local is_queued = queue_revision and (not known or queue_revision > known.queue_revision)
local was_removed = known and known.kind == 'removed'
-- What was removed has no title any more, and comes back with a run that waits.
if was_removed then
  is_queued = is_queued and queue ~= ''
end
if not is_newer and not is_queued and (not is_titled or was_removed) then
  return 0
end
-- Of a stream that has only a queue, the state is that of the queue.
local begins = is_queued and known and queue ~= '' and (was_removed or known.generation == 0 and known.queue == '')

local floor = is_whole and number_in(head[1])
local number = next_number(order, floor or 0, at)
local entry = known
if not entry then
  entry = { title_number = 0, title_generation = 0, title_revision = 0, title = '' }
  entry.queue_number, entry.queue_revision, entry.queue = 0, 0, ''
end
entry.number = number
if is_newer then
  entry.state_number, entry.generation, entry.count = number, generation, count
  entry.kind, entry.is_seen, entry.state = kind, false, ARGV[5]
elseif begins then
  entry.state_number, entry.kind, entry.is_seen, entry.state = number, kind, false, ARGV[5]
end
if is_titled then
  entry.title_number, entry.title_generation, entry.title_revision = number, generation, revision
  entry.title = ARGV[7]
end
if is_queued then
  entry.queue_number, entry.queue_revision, entry.queue = number, queue_revision, queue
end
if kind == 'removed' then
  entry.title_number, entry.title = 0, ''
  -- A queue that was told late is older than this.
  entry.queue_number, entry.queue_revision, entry.queue = 0, math.max(entry.queue_revision, at), ''
end

local lapsed, oldest = {}, at - tonumber(ARGV[10])
if is_whole then
  local others = redis.call('ZCARD', order) - (redis.call('ZSCORE', order, stream) and 1 or 0)
  local excess = others + 1 - tonumber(ARGV[8])
  local found = redis.call('ZRANGE', order, 0, OLDEST - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    local score = tonumber(found[i + 1])
    if found[i] ~= stream and (excess > 0 or score < oldest) then
      lapsed[#lapsed + 1] = found[i]
      excess = excess - 1
      floor = score <= LARGEST and math.max(floor or 0, math.ceil(score)) or floor
    end
  end
end
-- A feed that begins knows of nothing before.
write('HSET', feed, field, text_of(entry), 'floor', text(floor or number - 1))
write('ZADD', order, text(number), stream)
for _, name in ipairs(lapsed) do
  write('HDEL', feed, 's:' .. name)
end
for _, name in ipairs(lapsed) do
  write('ZREM', order, name)
end
if not is_whole then
  forget_all(feed, order, stream)
end
write('PEXPIRE', feed, ARGV[10])
write('PEXPIRE', order, ARGV[10])
announce_feed(live, number)
make_writes()
return 1
