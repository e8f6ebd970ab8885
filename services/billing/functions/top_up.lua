-- top_up: adds money. What is owed is paid first.
--
-- KEYS  acct, top, led, audit
-- ARGV  1 now, 2 amount, 3 request ID, 4 actor
-- Answers {"OK" or "REPLAY", sequence, account (21)}, or a refusal: ACCOUNT_NOT_FOUND,
-- IDEMPOTENCY_KEY_REUSED (the ID was used with another amount, or for no top-up), BALANCE_TOO_LARGE. The mark of a top-up stays
-- for ever: payment providers repeat their messages after months.

local function top_up(keys, args)
  local amount = integer(args[2])
  local account = read_account(keys[1], '')
  local before = redis.call('GET', keys[2])
  prove_audit(keys)
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  local now = clock(args[1], account.last_us)
  if before then
    local first_amount, sequence, kind = unpack(split(before))
    if kind or integer(first_amount) ~= amount then return {'IDEMPOTENCY_KEY_REUSED', '0'} end
    return {'REPLAY', sequence, account_answer(account, now)}
  end
  local paid = math.min(account.owed, amount)
  if account.bal + (amount - paid) > MONEY_MAX then return {'BALANCE_TOO_LARGE', '0'} end
  local was = account_picture(account)
  account.owed = account.owed - paid
  account.bal = account.bal + (amount - paid)
  account.seq = account.seq + 1
  check_money(account)
  append_ledger(keys[3], account, now,
    {type = 'top_up', amount = amount - paid, owed_change = 0 - paid, request = args[3]})
  append_audit(keys, now, {action = 'wallet.top_up', actor = args[4], target = args[3],
    changes = differences(ACCOUNT_PATHS, was, account_picture(account))})
  write_account(account, now, '', 'bal', 'owed', 'seq')
  redis.call('SET', keys[2], text(amount) .. '|' .. text(account.seq))
  return {'OK', text(account.seq), account_answer(account, now)}
end

redis.register_function{function_name = '@LIBRARY@_top_up', callback = top_up}
