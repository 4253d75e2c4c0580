-- A user's feed: a hash with an entry a stream, and a sorted set with their order. A field "s:<stream>" is a line "1 <number>
-- <state number> <title number> <generation> <count> <kind> <seen> <title generation> <title revision>", a line with the state
-- and one with the title; where runs have waited on the stream one more, "<queue number> <queue revision> <queue>". `floor` is the
-- place from which on nothing was left out, `cleared` when all was removed.
-- @include record
-- @include writes

local KINDS = { active = true, ended = true, removed = true }
-- Entries that one step looks at to let the oldest go; it adds one.
local OLDEST = 16

-- The entry in a stored text, or nil.
local function entry_in(stored)
  local head, state, title, rest = string.match(stored or '', '^([^\n]*)\n([^\n]*)\n([^\n]*)(.*)$')
  local queue_number, queue_revision, queue = string.match(rest or '', '^\n(%d+) (%d+) ([^\n]*)$')
  if not head or (rest ~= '' and not queue) then
    return nil
  end
  local words = {}
  for word in string.gmatch(head, '%S+') do
    words[#words + 1] = word
  end
  check_format({ format = words[1] })
  local entry = {
    number = number_in(words[2]),
    state_number = number_in(words[3]),
    title_number = number_in(words[4]),
    generation = number_in(words[5]),
    count = number_in(words[6]),
    title_generation = number_in(words[9]),
    title_revision = number_in(words[10]),
    queue_number = number_in(queue_number or '0'),
    queue_revision = number_in(queue_revision or '0'),
  }
  local is_read = entry.number and entry.state_number and entry.title_number and entry.generation and entry.count
  local is_named = entry.title_generation and entry.title_revision and KINDS[words[7]]
  if not (is_read and is_named and entry.queue_number and entry.queue_revision) then
    return nil
  end
  entry.kind, entry.is_seen, entry.state, entry.title = words[7], words[8] == '1', state, title
  entry.queue = queue or ''
  return entry
end

local function text_of(entry)
  local head = {
    FORMAT,
    text(entry.number),
    text(entry.state_number),
    text(entry.title_number),
    text(entry.generation),
    text(entry.count),
    entry.kind,
    entry.is_seen and '1' or '0',
    text(entry.title_generation),
    text(entry.title_revision),
  }
  local stored = table.concat(head, ' ') .. '\n' .. entry.state .. '\n' .. entry.title
  if entry.queue_revision == 0 then
    return stored
  end
  return stored .. '\n' .. text(entry.queue_number) .. ' ' .. text(entry.queue_revision) .. ' ' .. entry.queue
end

-- Whether the two keys speak of the same streams, as far as their numbers tell. A feed that has lost a part is begun anew.
local function is_whole_feed(feed, order, floor, cleared)
  local others = (floor and 1 or 0) + (cleared and 1 or 0)
  return redis.call('HLEN', feed) - others == redis.call('ZCARD', order)
end

-- The newest place. What the order holds beyond every number is no place.
local function last_of(order, floor)
  local top = redis.call('ZRANGE', order, text(LARGEST), '0', 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')
  return math.max(floor, top[2] and math.ceil(tonumber(top[2])) or 0)
end

local function next_number(order, floor, at)
  local number = math.max(last_of(order, floor) + 1, at)
  return number <= LARGEST and number or damaged('feed order')
end

-- All but a stream's own goes; nil is none. With make_writes, behind what is set.
local function forget_all(feed, order, stream)
  local own = stream and 's:' .. stream
  for _, field in ipairs(redis.call('HKEYS', feed)) do
    if field ~= 'floor' and field ~= 'cleared' and field ~= own then
      write('HDEL', feed, field)
    end
  end
  for _, member in ipairs(redis.call('ZRANGE', order, 0, -1)) do
    if member ~= stream then
      write('ZREM', order, member)
    end
  end
end

-- Tells readers that there is something up to a place. With make_writes.
local function announce_feed(live, number)
  messages[#messages + 1] = { 'PUBLISH', live, 'record ' .. text(number) .. ' 0 ' .. text(number) .. ' 0' }
end
