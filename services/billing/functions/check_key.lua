-- check_key: whose key it is and how its limits stand; consumes nothing.
--
-- KEYS  acct, key
-- ARGV  1 now, 2 key ID, 3 SHA-256 of the API key, 4 n (0: limits are not compared)
-- Answers {"OK", models, requests limit, remaining, reset, images limit, remaining, reset}, or a refusal:
-- INVALID_API_KEY, ACCOUNT_SUSPENDED, IMAGE_COUNT_TOO_LARGE, RATE_LIMIT_EXCEEDED.

local function check_key(keys, args)
  local n = integer(args[4])
  local account = read_account(keys[1], args[2])
  local key = read_key(keys[2])
  local now = clock(args[1], account and account.last_us)
  local refusal = unknown_caller(account, key, args[2], args[3]) or unwelcome_caller(account, key, now)
  if not refusal and n > 0 then
    refusal = limit_refusal(measure(now, key, account, n), now, key, account, n, nil)
  end
  if refusal then return refusal end
  return {'OK', key.models, limits_answer(measure(now, key, account, 0))}
end

redis.register_function{function_name = '@LIBRARY@_check_key', callback = check_key, flags = {'no-writes'}}
