-- estimate: what admit would say now; consumes and holds nothing.
--
-- KEYS  acct, then key (when ARGV[2] is given)
-- ARGV  1 now, 2 key ID or "", 3 SHA-256 of the API key, 4 n, 5 model, 6 what the catalog says, 7 unit price
-- Answers {"OK", "1" when the wallet could pay, the reason why admit would refuse or ""}; or INVALID_API_KEY,
-- ACCOUNT_NOT_FOUND, ACCOUNT_SUSPENDED.

local function estimate(keys, args)
  local account = read_account(keys[1], args[2])
  local key = args[2] ~= '' and read_key(keys[2]) or nil
  local now = clock(args[1], account and account.last_us)
  local n, model, fact, unit = integer(args[4]), args[5], args[6], integer(args[7]) or 0
  local refusal = unknown_caller(account, key, args[2], args[3]) or unwelcome_caller(account, key, now)
  if refusal then return refusal end
  local unpayable = funds_refusal(account, unit * n, now, nil)
  local reason = limit_refusal(measure(now, key, account, n), now, key, account, n, nil) or
    model_refusal(key, model, fact) or price_refusal(fact, unit, n) or unpayable
  local payable = fact == 'priced' and not unpayable
  return {'OK', payable and '1' or '0', reason and reason[1] or ''}
end

redis.register_function{function_name = '@LIBRARY@_estimate', callback = estimate, flags = {'no-writes'}}
