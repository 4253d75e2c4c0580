-- Marks as seen what has ended in a user's feed: one stream's, or all that ended up to a place.
--
-- KEYS  1 feed  2 order  3 live channel
-- ARGV  1 stream or ""  2 its generation or ""  3 place, without a stream
-- Reply how many were marked
-- @include feed

local feed, order, live = KEYS[1], KEYS[2], KEYS[3]
local head = redis.call('HMGET', feed, 'floor', 'cleared')
if not is_whole_feed(feed, order, head[1], head[2]) then
  return 0 -- the next append begins it anew
end
local names = { ARGV[1] }
if ARGV[1] == '' then
  names = redis.call('ZRANGE', order, '0', text(LARGEST), 'BYSCORE')
end
local number, marked = next_number(order, counted(head[1]), now()), 0
for _, name in ipairs(names) do
  local entry = entry_in(redis.call('HGET', feed, 's:' .. name))
  local is_asked = ARGV[1] ~= '' and (ARGV[2] == '' or entry and text(entry.generation) == ARGV[2])
    or ARGV[1] == '' and entry and entry.state_number <= tonumber(ARGV[3])
  if entry and is_asked and entry.kind == 'ended' and not entry.is_seen then
    entry.is_seen, entry.number = true, number + marked
    write('HSET', feed, 's:' .. name, text_of(entry))
    write('ZADD', order, text(entry.number), name)
    marked = marked + 1
  end
end
if marked == 0 then
  return 0
end
announce_feed(live, number + marked - 1)
make_writes()
return marked
