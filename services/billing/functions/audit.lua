-- audit: an account, and what its pending reservations add up to, in one moment.
-- recount: the same, and sets the counters of holds and concurrency to these sums. Nothing of it is in the
-- ledger, which knows no holds.
--
-- KEYS  acct, due; for recount also accounts, settings audit
-- ARGV  1 now, 2 account; for recount also 3 actor
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

-- Of each counter that was wrong.
local function recounted(seen)
  local changes, more = {}, 0
  local function note(path, before, after)
    if before ~= after then changes[#changes + 1] = {path = path, before = before, after = after} end
  end
  local account, sums = seen.account, seen.sums
  note('held_nano_usd', text(account.held), text(sums.nanos))
  note('concurrent', text(account.cc), text(sums.count))
  if account.sub then note('subscription.held_units', text(account.sub.held), text(sums.units)) end
  for _, key in ipairs(keys_compared(seen.counters, sums.keys)) do
    if #changes < AUDIT_KEYS_MAX then
      note('keys.' .. key[1] .. '.concurrent', key[2], key[3])
    elseif key[2] ~= key[3] then
      more = more + 1
    end
  end
  if more > 0 then note('keys', nil, 'and ' .. text(more) .. ' more') end
  return changes
end

local function write_key_counters(account_key, counters, counted)
  for number, count in pairs(counted) do redis.call('HSET', account_key, 'cc:' .. number, text(count)) end
  for number in pairs(counters) do
    if not counted[number] then redis.call('HDEL', account_key, 'cc:' .. number) end
  end
end

local function recount(keys, args)
  local seen, refusal = look(keys, args)
  redis.call('ZCARD', keys[3])
  prove_audit(keys)
  if refusal then return refusal end
  local account, sums = seen.account, seen.sums
  local changes = recounted(seen)
  account.held, account.cc = sums.nanos, sums.count
  if account.sub and account.sub.held ~= sums.units then
    account.sub.held, account.sub_changed = sums.units, true
  end
  check_money(account)
  append_audit(keys, seen.now, {action = 'account.recount', actor = args[3], changes = changes})
  write_account(account, seen.now, '', 'held')
  write_key_counters(keys[1], seen.counters, sums.keys)
  list_account(keys[3], keys[1])
  seen.answer[#seen.answer + 1] = {account_answer(account, seen.now)}
  return seen.answer
end

redis.register_function{function_name = '@LIBRARY@_audit', callback = audit, flags = {'no-writes'}}
redis.register_function{function_name = '@LIBRARY@_recount', callback = recount, flags = {'allow-oom'}}
