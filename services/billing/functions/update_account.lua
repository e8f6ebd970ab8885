-- update_account: changes limits, funding policy and subscription; what is not named stays.
--
-- KEYS  acct, led, accounts, audit, settings audit
-- ARGV  1 now, 2 requests a minute, 3 images a minute, 4 concurrency (each: "" stays, "-" unlimited), 5 funding policy
--       ("": stays), 6 quota ("": the subscription stays, "-": it ends), 7 its period, 8 actor, then the four words of
--       a period (see funds.lua)
-- Answers {"OK", account (21)}, PERIOD or {"ACCOUNT_NOT_FOUND", "0"}. A change of the subscription writes its
-- entry, after that of the rollover which was due; one that changes nothing writes none.

local function changed_entry(account, kind)
  local sub = account.sub
  account.seq = account.seq + 1
  return {seq = account.seq, type = kind, amount = 0, owed_change = 0, quota = sub and sub.quota or 0,
    start = sub and sub.start, stop = sub and sub.stop}
end

-- Another quota in the period that goes on. Answers the entries, or nil and the question for bounds.
local function change_quota(account, now, quota, given)
  if account.sub.quota == quota then return {} end
  local rollover, question = roll_over(account, now, given)
  if question then return nil, question end
  account.sub.quota, account.sub_changed = quota, true
  local changed = changed_entry(account, 'subscription_changed')
  return rollover and {rollover, changed} or {changed}
end

-- A plan that begins now: the first, or one with another period. It begins after the one before it, also where
-- the clock stands or has stepped back, so that the entries tell which came later.
local function begin_plan(account, now, quota, kind, given)
  local first = account.sub and math.max(now, account.sub.start + 1) or now
  if not given or given.kind ~= kind or given.first > first or given.first < now - STEP_BACK_US or
    given.start ~= given.first or (account.sub and given.first <= account.sub.start) then
    return nil, ask_period(first, first, kind)
  end
  local type = account.sub and 'subscription_changed' or 'subscription_granted'
  begin_period(account, quota, given)
  return {changed_entry(account, type)}
end

-- What becomes of the subscription: the entries to write, or nil and the question for bounds.
local function change_subscription(account, now, args)
  local quota, kind, given = args[6], args[7], given_period(args)
  if quota == '' or (quota == '-' and not account.sub) then return {} end
  if quota == '-' then
    remove_subscription(account)
    return {changed_entry(account, 'subscription_changed')}
  end
  if account.sub and account.sub.period == kind then return change_quota(account, now, integer(quota), given) end
  return begin_plan(account, now, integer(quota), kind, given)
end

local function update_account(keys, args)
  local account = read_account(keys[1], '')
  redis.call('ZCARD', keys[3])
  redis.call('XLEN', keys[4])
  prove_audit(keys)
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  local now = clock(args[1], account.last_us)
  local was = account_picture(account)
  local entries, question = change_subscription(account, now, args)
  if question then return question end
  local set, gone = limit_changes(account, args[2], args[3], args[4])
  if args[5] ~= '' and args[5] ~= account.policy then
    account.policy = args[5]
    set[#set + 1] = 'policy'
    set[#set + 1] = account.policy
  end
  check_money(account)
  for _, entry in ipairs(entries) do append_ledger(keys[2], account, now, entry) end
  append_audit(keys, now, {action = 'account.update', actor = args[8], log = #entries > 0 and keys[4] or nil,
    changes = differences(ACCOUNT_PATHS, was, account_picture(account))})
  if #entries > 0 then write_account(account, now, '', 'seq') end
  write_fields(keys[1], set, gone)
  list_account(keys[3], keys[1])
  return {'OK', account_answer(account, now)}
end

redis.register_function{function_name = '@LIBRARY@_update_account', callback = update_account}
