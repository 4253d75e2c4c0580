-- A change of the record that no event announces.

-- A producer's has a number, which counts those of one attempt: one that is not newer than the last is a repeat.
local function is_new_patch(record, number)
  return number ~= '' and tonumber(number) > counted(record.patches)
end

-- `values` is [field, value, ...]; `put` sets a field, in the record too. Says whether metadata was among them.
local function put_values(record, values, put)
  local has_metadata = false
  -- A hash has no order: that of the metadata's keys stands in a field of its own, unless the record is older than that.
  local order = string.match(record.order or '', '^%[(.*)%]$')
  local keys = { order ~= '' and order or nil }
  for i = 1, #values, 2 do
    local is_metadata = string.sub(values[i], 1, 2) == 'm:'
    has_metadata = has_metadata or is_metadata
    if order and is_metadata and not record[values[i]] then
      keys[#keys + 1] = cjson.encode(string.sub(values[i], 3))
    end
    put(values[i], values[i + 1])
  end
  if order then
    put('order', '[' .. table.concat(keys, ',') .. ']')
  end
  return has_metadata
end

-- A producer's; `values` is JSON. Metadata among them is counted in the record's revision.
local function apply_patch(record, number, values, put)
  local has_metadata = put_values(record, cjson.decode(values), put)
  if has_metadata then
    raise_revision(record, put)
  end
  put('patches', number)
  return has_metadata
end
