-- A page of a user's feed: the entries behind a place, in their order.
--
-- KEYS  1 feed  2 order
-- ARGV  1 place  2 most entries  3 kept for ms  4 lets a feed begin that is not there "1" or "0"
-- Reply { floor, last, goes on "1" or "0", stream, entry, ... }
-- @include feed

local feed, order = KEYS[1], KEYS[2]
local at, most = now(), tonumber(ARGV[2])
local head = redis.call('HMGET', feed, 'floor', 'cleared')
local floor = number_in(head[1])
if not floor and ARGV[4] == '1' then
  floor = next_number(order, 0, at)
  write('HSET', feed, 'floor', text(floor))
  write('PEXPIRE', feed, ARGV[3])
  make_writes()
end
floor = floor or 0
local after, oldest = tonumber(ARGV[1]), at - tonumber(ARGV[3])
if after < oldest then
  -- What is too old to be told is missed by a place before it, as if it had gone.
  local hidden = redis.call('ZRANGE', order, text(oldest), '0', 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')
  floor = math.max(floor, hidden[2] and math.ceil(tonumber(hidden[2])) or 0)
  after = oldest
end
local found = redis.call('ZRANGE', order, '(' .. text(after), text(LARGEST), 'BYSCORE', 'LIMIT', 0, most)
local reply = { text(floor), text(last_of(order, floor)), #found == most and '1' or '0' }
if #found > 0 then
  local names = {}
  for i, name in ipairs(found) do
    names[i] = 's:' .. name
  end
  local entries = redis.call('HMGET', feed, unpack(names))
  for i, name in ipairs(found) do
    -- What can't be read is left out; the next change of its stream puts it right.
    if entry_in(entries[i]) then
      reply[#reply + 1] = name
      reply[#reply + 1] = entries[i]
    end
  end
end
return reply
