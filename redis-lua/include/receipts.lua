-- A receipt as it is kept: a field "<generation>:<name>" = "<state> <attempt> <runs> <begun at> <changed at> <call id> <result>",
-- the result as JSON, or nothing when there is none or it is not kept.

local RECEIPT_STATES = { begun = true, finished = true, failed = true }

-- What one says. One that can't be read is refused by name: whether a call is made again rests on it.
local function receipt_in(stored)
  local state, attempt, runs, begun, changed, call, result =
    string.match(stored, '^(%l+) (%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  local is_read = RECEIPT_STATES[state] and number_in(attempt) and number_in(runs) and number_in(begun)
  if not (is_read and number_in(changed)) then
    damaged('receipt')
  end
  return { state = state, attempt = attempt, runs = runs, begun = begun, call = call, result = result }
end

-- The record says how many there are: none of them can have gone by itself.
local function check_receipts(key, count)
  if counted(count) > 0 and redis.call('HLEN', key) == 0 then
    damaged('receipts')
  end
end
