-- A user's slots: a field a stream, "<until> <holder>" of one that holds a slot, "wait <until> <since>" of one that waits for one.
-- A release that knows no waiting takes the latter for a slot whose time is over.

-- Until when a slot is held; 0 for what can't be read, which holds nothing.
local function held_until(stored)
  return counted(string.match(stored, '^(%d+) '))
end

-- What waits for a slot still; nil for anything else.
local function wait_in(stored, at)
  local expires, since = string.match(stored or '', '^wait (%d+) (%d+)$')
  expires, since = number_in(expires), number_in(since)
  return expires and since and expires > at and { expires = expires, since = since } or nil
end
