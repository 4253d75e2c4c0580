-- Deletes the rules and the uses of an owner that have a user and a conversation; of what can't be read nobody knows whose it
-- is, so it stays.
--
-- KEYS  1 rules  2 uses
-- ARGV  1 user, or "" for any  2 conversation, or "" for any
-- Reply nothing
-- @include rule
-- @include writes

local function is_part(json)
  local one = try_decode(json)
  return type(one) == 'table'
    and (ARGV[1] == '' or one.userId == ARGV[1])
    and (ARGV[2] == '' or one.conversationId == ARGV[2])
end

for field, stored in pairs(fields(redis.call('HGETALL', KEYS[1]))) do
  local id = string.match(field, '^r:(.*)$')
  local _, _, json = rule_in(id and stored)
  if json and is_part(json) then
    write('HDEL', KEYS[1], field, 'n:' .. id)
  end
end
local uses = fields(redis.call('HGETALL', KEYS[2]))
for field, stored in pairs(uses) do
  local name, json = string.match(stored, '^(%S+) (.*)$')
  if string.find(field, '^%d+$') and name and is_part(json) then
    write('HDEL', KEYS[2], field)
    if string.match(uses['=' .. name] or '', '^(%d+) ') == field then
      write('HDEL', KEYS[2], '=' .. name)
    end
  end
end
make_writes()
