-- A producer's change of the record that no event announces. Its number counts the changes of one attempt: one that is not
-- newer than the last is a repeat.

local function is_new_patch(record, number)
  return number ~= '' and tonumber(number) > counted(record.patches)
end

-- `values` is JSON: [field, value, ...]; `put` sets a field, in the record too. Says whether metadata was among them, which
-- is then counted in the record's revision.
local function apply_patch(record, number, values, put)
  values = cjson.decode(values)
  local has_metadata = false
  -- A hash has no order: that of the metadata's keys stands in a field of its own, unless the record is older than that.
  local order = string.match(record.order or '', '^%[(.*)%]$')
  for i = 1, #values, 2 do
    local is_metadata = string.sub(values[i], 1, 2) == 'm:'
    has_metadata = has_metadata or is_metadata
    if order and is_metadata and not record[values[i]] then
      order = (order == '' and '' or order .. ',') .. cjson.encode(string.sub(values[i], 3))
    end
    put(values[i], values[i + 1])
  end
  if order then
    put('order', '[' .. order .. ']')
  end
  if has_metadata then
    put('rev', text(counted(record.rev) + 1))
  end
  put('patches', number)
  return has_metadata
end
