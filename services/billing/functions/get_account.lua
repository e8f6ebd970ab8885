-- get_account: reads an account.
--
-- KEYS  acct
-- ARGV  1 now
-- Answers {"OK", account (21)} or {"ACCOUNT_NOT_FOUND", "0"}.

local function get_account(keys, args)
  local account = read_account(keys[1], '')
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  return {'OK', account_answer(account, clock(args[1], account.last_us))}
end

redis.register_function{
  function_name = '@LIBRARY@_get_account', callback = get_account, flags = {'no-writes'}}
