-- write_off: forgives debt. The wallet is not touched.
--
-- KEYS  acct, top, led, audit
-- ARGV  1 now, 2 amount, 3 request ID, 4 reason, 5 actor
-- Answers {"OK" or "REPLAY", sequence, account (21)}, or a refusal: ACCOUNT_NOT_FOUND,
-- IDEMPOTENCY_KEY_REUSED (as in adjust), OWED_LESS (owed).

local function write_off(keys, args)
  local amount, reason = integer(args[2]), args[4]
  local account = read_account(keys[1], '')
  local mark = redis.call('GET', keys[2])
  prove_audit(keys)
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  local now = clock(args[1], account.last_us)
  if mark then
    local sequence, refusal = sequence_of_mark(mark, amount, 'write_off', reason)
    return refusal or {'REPLAY', sequence, account_answer(account, now)}
  end
  if amount > account.owed then return {'OWED_LESS', '0', text(account.owed)} end
  local was = account_picture(account)
  account.owed = account.owed - amount
  account.seq = account.seq + 1
  check_money(account)
  append_ledger(keys[3], account, now,
    {type = 'write_off', amount = 0, owed_change = 0 - amount, request = args[3], reason = reason})
  append_audit(keys, now, {action = 'wallet.write_off', actor = args[5], target = args[3], reason = reason,
    changes = differences(ACCOUNT_PATHS, was, account_picture(account))})
  write_account(account, now, '', 'owed', 'seq')
  redis.call('SET', keys[2], mark_of(amount, account.seq, 'write_off', reason))
  return {'OK', text(account.seq), account_answer(account, now)}
end

redis.register_function{function_name = '@LIBRARY@_write_off', callback = write_off}
