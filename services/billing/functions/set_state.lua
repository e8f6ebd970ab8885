-- set_state: suspends an account, or takes it up again. From then on every reservation is refused, or none
-- for that; what is open goes on.
--
-- KEYS  acct, settings audit
-- ARGV  1 now, 2 active or suspended, 3 actor
-- Answers {"OK" or "REPLAY", account (21)} or {"ACCOUNT_NOT_FOUND", "0"}.

local function set_state(keys, args)
  local account = read_account(keys[1], '')
  prove_audit(keys)
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  local now = clock(args[1], account.last_us)
  if account.state == args[2] then return {'REPLAY', account_answer(account, now)} end
  local was = account_picture(account)
  account.state = args[2]
  append_audit(keys, now, {action = args[2] == 'active' and 'account.resume' or 'account.suspend', actor = args[3],
    changes = differences(ACCOUNT_PATHS, was, account_picture(account))})
  redis.call('HSET', keys[1], 'state', account.state)
  return {'OK', account_answer(account, now)}
end

redis.register_function{function_name = '@LIBRARY@_set_state', callback = set_state, flags = {'allow-oom'}}
