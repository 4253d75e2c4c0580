-- Records: the current one, a named one, or all kept.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended
--       The first is enough for the current one.
-- ARGV  1 "current", "kept" or a generation
-- Reply [record, ...], in no order
-- @include record

local record = load_current(KEYS[1])
if not record then
  return {}
end
local fence = parse(record.fence)
if ARGV[1] == 'kept' then
  local kept = { flatten(record) }
  for _, one in ipairs(all_ended(KEYS[3])) do
    kept[#kept + 1] = flatten(one)
  end
  return kept
end
if ARGV[1] == 'current' or fence.generation == ARGV[1] then
  return { flatten(record) }
end
local old = load_ended(KEYS[3], ARGV[1])
return old and { flatten(old) } or {}
