-- A rule is two fields of its owner's hash: "r:<id>" = "<ends> <budget, 0 for none> <JSON>", which never changes, and
-- "n:<id>" = how often it was used. One that was revoked leaves "x:<id>" = until when it does not come back.
-- @include record

-- When a stored rule ends, its budget, and its JSON; nil for what can't be read.
local function rule_in(stored)
  local ends, budget, json = string.match(stored or '', '^(%d+) (%d+) (.*)$')
  ends, budget = number_in(ends), number_in(budget)
  if not ends or not budget then
    return nil
  end
  return ends, budget, json
end
