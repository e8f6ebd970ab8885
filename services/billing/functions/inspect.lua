-- inspect: whether accounts of one bucket agree with their ledgers and their holds, and what the bucket holds, in one
-- moment: what a request writes in one step is seen whole or not at all.
--
-- KEYS  due, accounts, then acct and led of each account
-- ARGV  1 now, 2 how many holds to look at at most, 3 microseconds past its time from which a hold is overdue, 4 the
--       account whose holds alone are looked at ("": all of the bucket)
-- Answers {"OK", holds listed, overdue, then of the pending ones: count, nano-USD, when the first was made (0: none);
-- "" "" "" when there are more than may be looked at), {names among them that are not listed as accounts}, account,
-- account, ...}, where an account is {"GONE"}, {"DAMAGED"}, or {"READ", a text that changes with the account, balance,
-- owed, held, sequence, sequence, balance and owed of its last entry, number of its subscription's period ("": it has
-- none) and units that are held of it, nano-USD and units of that period that its holds add up to ("" "": not looked
-- at)}.
--
-- list_pending: what is pending of a bucket's holds, in order of their end.
--
-- KEYS  due, accounts
-- ARGV  1 now, 2 and 3 end and ID of the last one that was seen ("": from the first), 4 how many to look at
-- Answers {"OK", end and ID of the last one looked at ("" "": the list has ended), {names as above}, {account,
-- nano-USD, when it was made, number of its subscription's period (0: it holds money) and units}, ...}.
--
-- take_turn: the right to look through all books, which one replica has at a time and keeps by asking again.
--
-- KEYS  turn
-- ARGV  1 now, 2 who asks, 3 milliseconds that it is given for
-- Answers {"OK"} or {"TAKEN"}.

-- Of a record (see read_reservation) what is added up; nil when it is not pending, or cannot be read.
local function pending_part(line)
  local key, n, amount, source, made =
    line:match('^P|[^|]*|([^|]*)|[^|]*|(%d+)|%d+|(%d+)|([^|]*)|%d+|(%d+)|')
  if not key then return nil end
  local r = {key = key, n = tonumber(n), amount = tonumber(amount), create_us = tonumber(made)}
  read_source(r, source)
  return r
end

-- {<index of the hold> = its pending reservation, ...}, of all in few calls: there may be hundreds.
local function pending_parts(due, ids)
  local parts, tag = {}, due:match('^({.-}):')
  for first = 1, #ids, 100 do
    local names = {}
    for i = first, math.min(first + 99, #ids) do names[#names + 1] = tag .. ':rsv:' .. ids[i] end
    for i, line in ipairs(redis.call('MGET', unpack(names))) do
      parts[first + i - 1] = line and pending_part(line) or nil
    end
  end
  return parts
end

-- The IDs of the bucket's holds, or of one account's; nil when there are more than may be looked at. To pass over a
-- hold costs a tenth of looking at it.
local function holds_to_look_at(due, most, account_name)
  local alone = account_name ~= ''
  if redis.call('ZCARD', due) > (alone and most * 4 or most) then return nil end
  local ids = redis.call('ZRANGE', due, '0', '-1')
  if not alone then return ids end
  local prefix, of_account = account_name .. '.', {}
  for _, id in ipairs(ids) do
    if id:sub(1, #prefix) == prefix then of_account[#of_account + 1] = id end
  end
  return #of_account <= most and of_account or nil
end

-- {count, nanos, first_us, of = {<account> = {reservation, ...}}}; nil when there are too many.
local function pending_by_account(due, most, account_name)
  local ids = holds_to_look_at(due, most, account_name)
  if not ids then return nil end
  local all = {count = 0, nanos = 0, first_us = 0, of = {}}
  for i, r in pairs(pending_parts(due, ids)) do
    local account = ids[i]:match('^[^.]*')
    all.of[account] = all.of[account] or {}
    table.insert(all.of[account], r)
    all.count, all.nanos = all.count + 1, all.nanos + r.amount
    if all.first_us == 0 or r.create_us < all.first_us then all.first_us = r.create_us end
  end
  return all
end

-- Which of these names, keys of a table, are not listed as accounts of the bucket.
local function unlisted(accounts, named)
  local names, missing = {}, {}
  for name in pairs(named) do names[#names + 1] = name end
  for first = 1, #names, 100 do
    local last = math.min(first + 99, #names)
    for i, score in ipairs(redis.call('ZMSCORE', accounts, unpack(names, first, last))) do
      if not score then missing[#missing + 1] = names[first + i - 1] end
    end
  end
  return missing
end

local function last_entry(ledger)
  local entry = redis.call('XREVRANGE', ledger, '+', '-', 'COUNT', '1')[1]
  if not entry then return 0, 0, 0 end
  return integer(entry[1]:match('^%d+')), integer(field_of(entry, 'bal')), integer(field_of(entry, 'owed'))
end

local function inspect_account(account_key, ledger, pending)
  local account = read_account(account_key, '')
  if not account then return {'GONE'} end
  local seq, bal, owed = last_entry(ledger)
  local sub = account.sub
  local state = table.concat({text(account.last_us), text(account.seq), text(account.cc), text(account.held),
    subscription_text(account)}, '|')
  local answer = {'READ', state, text(account.bal), text(account.owed), text(account.held), text(account.seq), text(seq),
    text(bal), text(owed), sub and text(sub.no) or '', sub and text(sub.held) or '', '', ''}
  if pending then
    local sums = add_up(account, pending.of[account_key:match(':acct:(.*)$')] or {})
    answer[12], answer[13] = text(sums.nanos), text(sums.units)
  end
  return answer
end

local function inspect(keys, args)
  local due, now = keys[1], clock(args[1], nil)
  local pending = pending_by_account(due, integer(args[2]), args[4])
  local overdue = redis.call('ZCOUNT', due, '-inf', text(now - integer(args[3])))
  local answer = {'OK', text(redis.call('ZCARD', due)), text(overdue), pending and text(pending.count) or '',
    pending and text(pending.nanos) or '', pending and text(pending.first_us) or '',
    unlisted(keys[2], pending and pending.of or {})}
  for i = 3, #keys, 2 do
    local read, account = pcall(inspect_account, keys[i], keys[i + 1], pending)
    answer[#answer + 1] = read and account or {'DAMAGED'}
  end
  return answer
end

local function list_pending(keys, args)
  local due, look = keys[1], integer(args[4])
  local from = rank_behind(due, args[2], args[3])
  local found = redis.call('ZRANGE', due, text(from), text(from + look - 1), 'WITHSCORES')
  local answer, ids, named = {'OK', '', '', {}}, {}, {}
  for i = 1, #found, 2 do ids[#ids + 1] = found[i] end
  for i, r in pairs(pending_parts(due, ids)) do
    local account = ids[i]:match('^[^.]*')
    named[account] = true
    answer[#answer + 1] = {account, text(r.amount), text(r.create_us), text(r.sub_no), text(r.units * r.n)}
  end
  answer[4] = unlisted(keys[2], named)
  if #found == look * 2 then answer[2], answer[3] = text(tonumber(found[#found])), found[#found - 1] end
  return answer
end

local function take_turn(keys, args)
  local holder = redis.call('GET', keys[1])
  if holder and holder ~= args[2] then return {'TAKEN'} end
  redis.call('SET', keys[1], args[2], 'PX', text(integer(args[3])))
  return {'OK'}
end

redis.register_function{function_name = '@LIBRARY@_inspect', callback = inspect, flags = {'no-writes'}}
redis.register_function{function_name = '@LIBRARY@_list_pending', callback = list_pending, flags = {'no-writes'}}
redis.register_function{function_name = '@LIBRARY@_take_turn', callback = take_turn, flags = {'allow-oom'}}
