-- A page of the receipts of a kept generation, by their names.
--
-- KEYS  1 job  2 log, whose name is the live channel's too  3 ended  4 snapshots  5 inbox  6 receipts
-- ARGV  1 generation  2 name after which it begins, or ""  3 most of them
-- Reply { name to go on after or "", name, receipt, ... }
-- @include record
-- @include receipts

-- What begins alike is passed over in pieces: byte by byte, a page of a thousand long names with one beginning takes the server
-- a quarter of a second, in which nobody else is served. Longer pieces leave more bytes in the last one, shorter ones are more.
local PIECE = 16

-- By bytes: the server compares texts by its own language, for which two names may be one.
local function is_before(one, other)
  local at = 1
  while at <= #one and string.sub(one, at, at + PIECE - 1) == string.sub(other, at, at + PIECE - 1) do
    at = at + PIECE
  end
  for i = at, math.min(#one, #other) do
    local first, second = string.byte(one, i), string.byte(other, i)
    if first ~= second then
      return first < second
    end
  end
  return #one < #other
end

local receipts = key_at(RECEIPTS)
local record, _, is_current = load_generation(KEYS[1], KEYS[3], ARGV[1])
if not record then
  return { '' }
end
if is_current then
  check_receipts(receipts, record.receipts)
end
local prefix, names = ARGV[1] .. ':', {}
for _, field in ipairs(redis.call('HKEYS', receipts)) do
  local name = string.sub(field, #prefix + 1)
  if string.sub(field, 1, #prefix) == prefix and is_before(ARGV[2], name) then
    names[#names + 1] = name
  end
end
table.sort(names, is_before)
local most = tonumber(ARGV[3])
local page = { #names > most and names[most] or '' }
for i = 1, math.min(#names, most) do
  page[#page + 1] = names[i]
  page[#page + 1] = redis.call('HGET', receipts, prefix .. names[i])
end
return page
