-- create_account: opens an account, with money if wanted.
--
-- KEYS  acct, led
-- ARGV  1 now, 2 opening money, 3 requests a minute, 4 images a minute, 5 concurrency ("": unlimited)
-- Answers {"OK", account (11)} or {"ACCOUNT_EXISTS", "0"}. Opening money is ledger entry 1, a top-up
-- without a request ID.

local function create_account(keys, args)
  if redis.call('EXISTS', keys[1]) == 1 then return {'ACCOUNT_EXISTS', '0'} end
  local now = clock(args[1], nil)
  local bal = integer(args[2])
  local account = {name = keys[1], bal = bal, held = 0, owed = 0, seq = bal > 0 and 1 or 0}
  check_money(account)
  local fields = with_limits({'state', 'active', 'bal', text(bal), 'held', '0', 'owed', '0',
    'seq', text(account.seq), 'key_seq', '0', 'cc', '0', 'last_us', text(now), 'create_us', text(now)},
    args[3], args[4], args[5])
  if bal > 0 then
    append_ledger(keys[2], account, now, {type = 'top_up', amount = bal, owed_change = 0})
  end
  redis.call('HSET', keys[1], unpack(fields))
  return {'OK', account_answer(read_account(keys[1], ''))}
end

redis.register_function{function_name = '@LIBRARY@_create_account', callback = create_account}
