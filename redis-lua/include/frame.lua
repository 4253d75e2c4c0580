-- What followers are sent of an entry: above LARGEST_FRAME bytes its header alone, and they read the log.

local LARGEST_FRAME = 65536

local function frame_of(entry, header)
  return #entry > LARGEST_FRAME and header or entry
end
