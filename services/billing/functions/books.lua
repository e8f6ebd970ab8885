-- What the verbs of administration share.

-- Changes of limits: of each "" stays, "-" becomes unlimited, a number is the new limit. Answers what HSET sets
-- (names and values alternate) and what HDEL takes away; a limit that is so already is in neither.
local function limit_changes(subject, rpm, ipm, cc_max)
  local set, gone = {}, {}
  for name, word in pairs({rpm = rpm, ipm = ipm, cc_max = cc_max}) do
    if word == '-' and subject[name] then
      gone[#gone + 1], subject[name] = name, nil
    elseif word ~= '-' and word ~= '' and subject[name] ~= integer(word) then
      subject[name] = integer(word)
      set[#set + 1] = name
      set[#set + 1] = text(subject[name])
    end
  end
  return set, gone
end

local function write_fields(name, set, gone)
  if #set > 0 then redis.call('HSET', name, unpack(set)) end
  if #gone > 0 then redis.call('HDEL', name, unpack(gone)) end
end

-- The mark of a change by hand: what was done under a request ID, so that a repeat is known and another
-- content refused. Its first two words are those of a top-up's mark.
local function mark_of(amount, sequence, kind, reason)
  return table.concat({text(amount), text(sequence), kind, redis.sha1hex(reason)}, '|')
end

-- Answers the sequence of the first call; nil and a refusal when the ID stands for something else.
local function sequence_of_mark(mark, amount, kind, reason)
  local sequence = split(mark)[2]
  if mark ~= mark_of(amount, integer(sequence), kind, reason) then
    return nil, {'IDEMPOTENCY_KEY_REUSED', '0'}
  end
  return sequence
end

-- The reservations of one account that hold something, from its bucket's list. Their records are the only
-- keys that any function touches without having them declared: who calls cannot know them in the same
-- moment. They share the account's slot, by the tag that the list's own name begins with.
-- nil when there are more than one call may look at.
local PENDING_MAX = 10000
local LISTED_MAX = 50000

local function pending_reservations(due, account_name)
  if redis.call('ZCARD', due) > LISTED_MAX then return nil end
  local tag, prefix = due:match('^({.-}):'), account_name .. '.'
  local pending = {}
  for _, id in ipairs(redis.call('ZRANGE', due, '0', '-1')) do
    if id:sub(1, #prefix) == prefix then
      local r = read_reservation(tag .. ':rsv:' .. id)
      if r and r.state == 'P' then pending[#pending + 1] = r end
      if #pending > PENDING_MAX then return nil end
    end
  end
  return pending
end

-- Whether one text is behind another in the order of their bytes, which is that of a sorted set. Lua's own < asks
-- the server's language.
local function is_behind(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = one:byte(i), other:byte(i)
    if a ~= b then return a > b end
  end
  return #one > #other
end

-- How many holds are listed up to the one that was seen last, which may be gone. Those of one microsecond are in
-- order of their IDs.
local function rank_behind(due, after_end, after_id)
  if after_end == '' then return 0 end
  local low = redis.call('ZCOUNT', due, '-inf', '(' .. after_end)
  local high = redis.call('ZCOUNT', due, '-inf', after_end)
  while low < high do
    local middle = text(math.floor((low + high) / 2))
    if is_behind(redis.call('ZRANGE', due, middle, middle)[1], after_id) then
      high = tonumber(middle)
    else
      low = tonumber(middle) + 1
    end
  end
  return low
end

-- {<key number> = running, ...} as the account counts them.
local function key_counters(account_key)
  local counters = {}
  local fields = redis.call('HGETALL', account_key)
  for i = 1, #fields, 2 do
    local number = fields[i]:match('^cc:(%d+)$')
    if number then counters[number] = integer(fields[i + 1]) end
  end
  return counters
end
