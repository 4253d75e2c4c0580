-- Takes or retakes a stream's slot for a holder, unless the user's other streams use up the limit. A stream that is refused may
-- wait: whoever gives a slot back is told of it.
--
-- KEYS  1 slots
-- ARGV  1 stream  2 holder  3 limit  4 for ms  5 for how long in ms it waits when it is refused, or ""
-- Reply 1 taken | 0 not
-- @include record
-- @include writes
-- @include slots

local at = now()
local others = 0
local lapsed, own = {}, nil
local known = redis.call('HGETALL', KEYS[1])

-- A key never goes before what it has.
local function keep(ms)
  if redis.call('PTTL', KEYS[1]) < tonumber(ms) then
    write('PEXPIRE', KEYS[1], ms)
  end
end

for i = 1, #known, 2 do
  -- What can't be read holds nothing; the stream's own is set anew.
  if known[i] == ARGV[1] then
    own = known[i + 1]
  elseif held_until(known[i + 1]) > at then
    others = others + 1
  elseif not wait_in(known[i + 1], at) then
    lapsed[#lapsed + 1] = known[i]
  end
end
if others >= tonumber(ARGV[3]) then
  if ARGV[5] ~= '' and held_until(own or '') <= at then
    local wait = wait_in(own, at)
    local since = wait and wait.since or at
    write('HSET', KEYS[1], ARGV[1], 'wait ' .. text(at + tonumber(ARGV[5])) .. ' ' .. text(since))
    keep(ARGV[5])
    make_writes()
  end
  return 0
end
write('HSET', KEYS[1], ARGV[1], text(at + tonumber(ARGV[4])) .. ' ' .. ARGV[2])
for _, stream in ipairs(lapsed) do
  write('HDEL', KEYS[1], stream)
end
keep(ARGV[4])
make_writes()
return 1
