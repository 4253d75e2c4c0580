-- The record's revision counts its changes that no event tells: those of metadata and notes, in the field `rev`, and the
-- steps of the settlement, which has a revision of its own (so that a step by a release that has no `rev` counts too).
-- Such a change is announced on the stream's live channel; nothing rests on it, since each log page names the revision.

-- Exactly what the library reads as a settlement: one that either reads and the other doesn't would be settled by nobody.
-- Behind its numbers may stand what a later release has put there.
local function settlement_in(stored)
  local state, revision, tries, not_before, rest = string.match(stored or '', '^(%l[%l_]*) (%d+) (%d+) (%d+)(.*)$')
  local is_whole = state and #stored <= 100 and (rest == '' or string.sub(rest, 1, 1) == ' ')
  if is_whole and number_in(revision) and number_in(tries) and number_in(not_before) then
    local is_claimed = string.find(rest .. ' ', ' claimed ', 1, true) ~= nil
    return {
      state = state,
      revision = number_in(revision),
      tries = number_in(tries),
      not_before = number_in(not_before),
      is_claimed = is_claimed,
    }
  end
  return nil
end

-- Of what can't be read it is 0, so that the host is called once too often rather than never.
local function settlement_revision(record)
  local settlement = settlement_in(record.settlement)
  return settlement and settlement.revision or 0
end

local function record_revision(record)
  return text(counted(record.rev) + settlement_revision(record))
end

-- After a change of metadata or notes, which followers look at: of a step of the settlement alone they need not. `put` sets a
-- field, in the record too.
local function raise_revision(record, put)
  put('rev', text(counted(record.rev) + 1))
  put('changed', record_revision(record))
end

-- Tells followers that the record has changed; they look at what interests them. With make_writes.
local function announce(log, fence, record)
  messages[#messages + 1] =
    { 'PUBLISH', log, 'record ' .. fence.generation .. ' ' .. fence.sequence .. ' ' .. record_revision(record)
      .. ' ' .. text(counted(record.changed)) }
end
