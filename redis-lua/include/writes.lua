-- Writes are gathered, and made together when nothing is left that can fail: Redis does not roll back. A run-time error,
-- a number that can't be counted up, a right that is missing or a key of another type is met before the first of them.
-- A key never goes between two writes, so what is set comes before what is removed: while its slot moves to another node of
-- a cluster, a key that is not there has moved, and Redis refuses to make it.
-- Appends come first, since the log may refuse one that does not follow on; after one append the other follows on too.

local appends, changes, messages = {}, {}, {}

local function write(...)
  changes[#changes + 1] = { ... }
end

-- Lets a key that these writes may make live at least as long as the record's. Beside one that has no end of its own, after a
-- restore, a key is not given one either: the next renewal gives all of them theirs.
local function live_beside(job, key)
  local ttl = redis.call('PTTL', job)
  if ttl > 0 then
    write('PEXPIRE', key, math.max(ttl, redis.call('PTTL', key)))
  end
end

-- By the first letter of a command, one that Redis refuses when the key is of another type than the command writes.
-- Deletion and expiry take any.
local LENGTHS = { H = 'HLEN', X = 'XLEN', Z = 'ZCARD' }

local function check(command)
  local length = LENGTHS[string.sub(command[1], 1, 1)]
  if length then
    redis.call(length, command[2])
  end
  if not redis.acl_check_cmd(unpack(command)) then
    error({ err = 'NOPERM ' .. command[1] })
  end
end

-- Says whether the writes were made: an append to a log that must be there, and is not, leaves everything as it was.
local function make_writes()
  for _, commands in ipairs({ appends, changes }) do
    for _, command in ipairs(commands) do
      check(command)
    end
  end
  for _, command in ipairs(appends) do
    if not redis.call(unpack(command)) then
      return false
    end
  end
  for _, command in ipairs(changes) do
    redis.call(unpack(command))
  end
  -- Nothing rests on a message: who does not get it reads the log.
  for _, command in ipairs(messages) do
    redis.pcall(unpack(command))
  end
  return true
end
