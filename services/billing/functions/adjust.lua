-- adjust: corrects the wallet by hand, up or down. Money that is held is not taken; debt is not touched.
--
-- KEYS  acct, top, led, audit
-- ARGV  1 now, 2 amount (negative: taken), 3 request ID, 4 reason, 5 actor
-- Answers {"OK" or "REPLAY", sequence, account (21)}, or a refusal: ACCOUNT_NOT_FOUND,
-- IDEMPOTENCY_KEY_REUSED (the ID was used with another amount or reason, or for something else),
-- BALANCE_TOO_LARGE, CREDIT_BALANCE_EXHAUSTED (asked for, free).

local function adjust(keys, args)
  local amount, reason = integer(args[2]), args[4]
  local account = read_account(keys[1], '')
  local mark = redis.call('GET', keys[2])
  prove_audit(keys)
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  local now = clock(args[1], account.last_us)
  if mark then
    local sequence, refusal = sequence_of_mark(mark, amount, 'adjustment', reason)
    return refusal or {'REPLAY', sequence, account_answer(account, now)}
  end
  local free = account.bal - account.held
  if free + amount < 0 then return {'CREDIT_BALANCE_EXHAUSTED', '0', text(0 - amount), text(free)} end
  if account.bal + amount > MONEY_MAX then return {'BALANCE_TOO_LARGE', '0'} end
  local was = account_picture(account)
  account.bal = account.bal + amount
  account.seq = account.seq + 1
  check_money(account)
  append_ledger(keys[3], account, now,
    {type = 'adjustment', amount = amount, owed_change = 0, request = args[3], reason = reason})
  append_audit(keys, now, {action = 'wallet.adjust', actor = args[5], target = args[3], reason = reason,
    changes = differences(ACCOUNT_PATHS, was, account_picture(account))})
  write_account(account, now, '', 'bal', 'seq')
  redis.call('SET', keys[2], mark_of(amount, account.seq, 'adjustment', reason))
  return {'OK', text(account.seq), account_answer(account, now)}
end

redis.register_function{function_name = '@LIBRARY@_adjust', callback = adjust}
