-- Keeps a rule, unless one of its id stands or was revoked. Rules whose time is over, and marks that are, are dropped.
--
-- KEYS  1 rules
-- ARGV  1 id  2 JSON without its end  3 for ms  4 budget, 0 for none  5 most rules  6 for ms, with the margin of a revocation
-- Reply { 'stands', the stored rule, how often it was used } | { 'full' } | { 'revoked' }
-- @include rule
-- @include writes

local at = now()
local id, budget = ARGV[1], ARGV[4]
local flat = redis.call('HGETALL', KEYS[1])
local known = fields(flat)
local standing, lapsed = 0, {}
for i = 1, #flat, 2 do
  local kind, of = string.match(flat[i], '^([rx]):(.*)$')
  local ends = kind == 'r' and rule_in(flat[i + 1]) or kind == 'x' and number_in(flat[i + 1])
  -- What can't be read stands for nothing.
  if kind and (not ends or ends <= at) then
    known[flat[i]] = nil
    if of ~= id then
      lapsed[#lapsed + 1] = flat[i]
      lapsed[#lapsed + 1] = 'n:' .. of
    end
  elseif kind == 'r' then
    standing = standing + 1
  end
end
if known['r:' .. id] then
  return { 'stands', known['r:' .. id], text(counted(known['n:' .. id])) }
end
if known['x:' .. id] then
  return { 'revoked' }
end
if standing >= tonumber(ARGV[5]) then
  return { 'full' }
end
local stored = text(at + tonumber(ARGV[3])) .. ' ' .. budget .. ' ' .. ARGV[2] .. ',"givenAt":' .. text(at) .. '}'
write('HSET', KEYS[1], 'r:' .. id, stored, 'n:' .. id, '0')
write('HDEL', KEYS[1], 'x:' .. id)
for _, field in ipairs(lapsed) do
  write('HDEL', KEYS[1], field)
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[6]) then
  write('PEXPIRE', KEYS[1], ARGV[6])
end
make_writes()
return { 'stands', stored, '0' }
