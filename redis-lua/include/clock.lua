-- The server's time, and what is judged by it on the hot path too.

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Whether a hold that lasts until `held` keeps the producer still while an end is described: see hold.lua.
local function is_held(held, at)
  -- One for longer than any description takes is none.
  return held > at and held < at + 3600000
end
