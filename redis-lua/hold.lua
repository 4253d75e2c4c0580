-- Holds the producer of a running generation still while somebody describes its end: until then append.lua and commit.lua
-- refuse what does not change the state. A field of its own: releases that do not know it write on.
--
-- KEYS  1 job  2 log  3 live channel  4 ended  5 snapshots
-- ARGV  1 generation  2 for ms, 0 to let go
-- Reply as commit.lua; refusal: gone ended
-- @include record

local job, ended = KEYS[1], KEYS[4]
local generation, for_ms = ARGV[1], tonumber(ARGV[2])

local record = load_current(job)
if not record then
  return { 'gone' }
end
local fence = parse(record.fence)
if fence.generation ~= generation then
  local old = load_ended(ended, generation)
  return old and { 'ended', flatten(old) } or { 'gone' }
end
if not is_active(fence.status) then
  return { 'ended', flatten(record) }
end
if for_ms == 0 then
  redis.call('HDEL', job, 'held')
elseif fence.status == 'running' then
  local at = now()
  local until_then = math.max(at + for_ms, is_held(record, at) and counted(record.held) or 0)
  redis.call('HSET', job, 'held', text(until_then))
end
return { 'ok', fence.sequence, flatten(record) }
