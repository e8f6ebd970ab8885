-- create_account: opens an account, with money and a subscription if wanted.
--
-- KEYS  acct, led, accounts, audit
-- ARGV  1 now, 2 opening money, 3 requests a minute, 4 images a minute, 5 concurrency ("": unlimited), 6 funding policy,
--       7 quota ("": no subscription), 8 its period, 9 when the first one starts (0: now), 10 actor, then the four words
--       of a period (see funds.lua)
-- Answers {"OK", account (21)}, PERIOD, {"ACCOUNT_EXISTS", "0"} or {"START_IN_FUTURE", "0"}. Opening money is the first
-- ledger entry, a top-up without a request ID; the subscription is the next.

-- nil without a subscription; or nil and what to answer.
local function first_period(args, now)
  if (args[7] or '') == '' then return nil end
  local first, given = integer(args[9]), given_period(args)
  if first > now then return nil, {'START_IN_FUTURE', '0'} end
  if not given or given.kind ~= args[8] or (first > 0 and given.first ~= first) or not holds_time(given, now) then
    return nil, ask_period(now, first > 0 and first or now, args[8])
  end
  return given
end

-- Each entry with its sequence and the balance after it.
local function write_opening(ledger, account, now, grant)
  if account.bal > 0 then
    append_ledger(ledger, account, now, {seq = 1, type = 'top_up', amount = account.bal, owed_change = 0})
  end
  if grant then append_ledger(ledger, account, now, grant) end
end

local function create_account(keys, args)
  if redis.call('EXISTS', keys[1]) == 1 then return {'ACCOUNT_EXISTS', '0'} end
  redis.call('ZCARD', keys[3])
  prove_audit(keys)
  local now = clock(args[1], nil)
  local period, answer = first_period(args, now)
  if answer then return answer end
  local bal = integer(args[2])
  local account = {name = keys[1], state = 'active', bal = bal, held = 0, owed = 0, seq = bal > 0 and 1 or 0, sub_no = 0,
    rpm = integer(args[3]), ipm = integer(args[4]), cc_max = integer(args[5]),
    policy = (args[6] or '') ~= '' and args[6] or 'subscription_first'}
  local grant
  if period then
    begin_period(account, integer(args[7]), period)
    account.seq = account.seq + 1
    grant = {type = 'subscription_granted', amount = 0, owed_change = 0, quota = account.sub.quota,
      start = period.start, stop = period.stop}
  end
  check_money(account)
  local fields = with_limits({'state', 'active', 'bal', text(bal), 'held', '0', 'owed', '0',
    'seq', text(account.seq), 'key_seq', '0', 'cc', '0', 'last_us', text(now), 'create_us', text(now),
    'policy', account.policy}, args[3], args[4], args[5])
  if period then
    fields[#fields + 1] = 'sub'
    fields[#fields + 1] = subscription_text(account)
  end
  write_opening(keys[2], account, now, grant)
  append_audit(keys, now, {action = 'account.create', actor = args[10], creation = true,
    changes = beginnings(ACCOUNT_PATHS, account_picture(account))})
  redis.call('HSET', keys[1], unpack(fields))
  list_account(keys[3], keys[1])
  return {'OK', account_answer(read_account(keys[1], ''), now)}
end

redis.register_function{function_name = '@LIBRARY@_create_account', callback = create_account}
