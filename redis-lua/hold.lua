-- Holds the producer of a running generation still while somebody describes its end: until then append.lua and commit.lua
-- refuse what does not change the state. A field of its own: releases that do not know it write on.
--
-- KEYS  1 job; where the generation is another one, 2 log, whose name is the live channel's too  3 ended
-- ARGV  1 generation  2 for ms, 0 to let go
-- Reply as commit.lua; refusal: gone ended
-- @include record

local job, ended = KEYS[1], KEYS[3]
local generation, for_ms = ARGV[1], tonumber(ARGV[2])

local record, fence, is_current = load_generation(job, ended, generation)
if not record then
  return { 'gone' }
end
if not is_current or not is_active(fence.status) then
  return { 'ended', flatten(record) }
end
if for_ms == 0 then
  redis.call('HDEL', job, 'held')
elseif fence.status == 'running' then
  local at, held = now(), counted(record.held)
  local until_then = math.max(at + for_ms, is_held(held, at) and held or 0)
  redis.call('HSET', job, 'held', text(until_then))
end
return { 'ok', fence.sequence, flatten(record) }
