-- Appends one batch and makes it known. An entry is a header line, "1 <generation> <attempt> <first> <last>", and a line
-- an event; its id is <generation>-<last>, so Redis itself refuses an older generation's append and a repeated one.
-- @include frame

-- `must_exist`: a log that is gone is not begun anew, so that its producer learns it.
local function append(log, generation, attempt, first, last, lines, must_exist)
  local header = '1 ' .. generation .. ' ' .. attempt .. ' ' .. first .. ' ' .. last .. '\n'
  local entry = header .. lines
  local id = generation .. '-' .. last
  appends[#appends + 1] = must_exist and { 'XADD', log, 'NOMKSTREAM', id, 'e', entry } or { 'XADD', log, id, 'e', entry }
  messages[#messages + 1] = { 'PUBLISH', log, frame_of(entry, header) }
end
