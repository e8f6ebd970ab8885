-- audit: an account, and what its pending reservations add up to, in one moment.
-- recount: the same, and sets the counters of holds and concurrency to these sums. Nothing of it is in the
-- ledger, which knows no holds.
--
-- KEYS  acct, due
-- ARGV  1 now, 2 account
-- Answers {"OK", account (21), pending reservations, money and units of this period that they hold,
-- {key number, its counter, its pending reservations}, ...}, with recount the account as it was, followed for it
-- by {account (21)} as it is; {"ACCOUNT_NOT_FOUND", "0"}; or {"TOO_MANY_PENDING", "0"}.

local function add_up(account, pending)
  local sums = {nanos = 0, units = 0, keys = {}}
  for _, r in ipairs(pending) do
    sums.nanos = sums.nanos + r.amount
    if in_its_period(account, r) then sums.units = sums.units + r.units * r.n end
    local number = r.key:match('%.(%d+)$')
    if number then sums.keys[number] = (sums.keys[number] or 0) + 1 end
  end
  return sums
end

-- In order of their numbers.
local function keys_compared(counters, counted)
  local numbers, compared = {}, {}
  for number in pairs(counters) do numbers[#numbers + 1] = number end
  for number in pairs(counted) do
    if not counters[number] then numbers[#numbers + 1] = number end
  end
  table.sort(numbers, function(a, b) return tonumber(a) < tonumber(b) end)
  for _, number in ipairs(numbers) do
    compared[#compared + 1] = {number, text(counters[number] or 0), text(counted[number] or 0)}
  end
  return compared
end

-- The account, the sums and the answer; or nil and a refusal.
local function look(keys, args)
  local account = read_account(keys[1], '')
  if not account then return nil, {'ACCOUNT_NOT_FOUND', '0'} end
  local pending = pending_reservations(keys[2], args[2])
  if not pending then return nil, {'TOO_MANY_PENDING', '0'} end
  local seen = {account = account, now = clock(args[1], account.last_us), sums = add_up(account, pending),
    counters = key_counters(keys[1])}
  seen.sums.count = #pending
  seen.answer = {'OK', account_answer(account, seen.now)}
  for _, sum in ipairs({seen.sums.count, seen.sums.nanos, seen.sums.units}) do
    seen.answer[#seen.answer + 1] = text(sum)
  end
  for _, compared in ipairs(keys_compared(seen.counters, seen.sums.keys)) do
    seen.answer[#seen.answer + 1] = compared
  end
  return seen
end

local function audit(keys, args)
  local seen, refusal = look(keys, args)
  return refusal or seen.answer
end

local function write_key_counters(account_key, counters, counted)
  for number, count in pairs(counted) do redis.call('HSET', account_key, 'cc:' .. number, text(count)) end
  for number in pairs(counters) do
    if not counted[number] then redis.call('HDEL', account_key, 'cc:' .. number) end
  end
end

local function recount(keys, args)
  local seen, refusal = look(keys, args)
  if refusal then return refusal end
  local account, sums = seen.account, seen.sums
  account.held, account.cc = sums.nanos, sums.count
  if account.sub and account.sub.held ~= sums.units then
    account.sub.held, account.sub_changed = sums.units, true
  end
  check_money(account)
  write_account(account, seen.now, '', 'held')
  write_key_counters(keys[1], seen.counters, sums.keys)
  seen.answer[#seen.answer + 1] = {account_answer(account, seen.now)}
  return seen.answer
end

redis.register_function{function_name = '@LIBRARY@_audit', callback = audit, flags = {'no-writes'}}
redis.register_function{function_name = '@LIBRARY@_recount', callback = recount, flags = {'allow-oom'}}
