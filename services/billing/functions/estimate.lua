-- estimate: what admit would say now; consumes and holds nothing.
--
-- KEYS  acct, due, then key (when ARGV[2] is given)
-- ARGV  1 now, 2 key ID or "", 3 SHA-256 of the API key, 4 n, 5 model, 6 what the catalog says, 7 unit price, 8 quota
--       units of an image, then the four words of a period (see funds.lua)
-- Answers {"OK", "1" when holds that are due stand in its way else "0", who could pay (wallet, subscription or ""),
-- the reason why admit would refuse or ""}; PERIOD; or INVALID_API_KEY, ACCOUNT_NOT_FOUND, ACCOUNT_SUSPENDED.

local function estimate(keys, args)
  local account = read_account(keys[1], args[2])
  local key = args[2] ~= '' and read_key(keys[3]) or nil
  local now = clock(args[1], account and account.last_us)
  local q = {n = integer(args[4]), model = args[5], fact = args[6], unit = integer(args[7]) or 0,
    units = integer(args[8]) or 0, period = given_period(args)}
  local refusal = unknown_caller(account, key, args[2], args[3]) or unwelcome_caller(account, key, now)
  if refusal then return refusal end
  refusal = limit_refusal(measure(now, key, account, q.n), now, key, account, q.n, keys[2]) or
    model_refusal(key, q.model, q.fact)
  local source, unpayable
  if q.fact == 'priced' or q.fact == 'unpriced' then
    source, unpayable = fund_in_period(account, q, keys[2], now)
    if unpayable and unpayable[1] == 'PERIOD' then return unpayable end
  end
  refusal = refusal or unpayable
  return {'OK', refusal and refusal[2] or '0', source or '', refusal and refusal[1] or ''}
end

redis.register_function{function_name = '@LIBRARY@_estimate', callback = estimate, flags = {'no-writes'}}
