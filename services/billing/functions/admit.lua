-- admit: authenticates, takes the limits of key and account, and holds the money or the quota of one
-- reservation: all of it, or nothing. A subscription whose period is over begins the next one in the same step.
-- check_admission: the same looks in the same order, up to whether the key may use the model; what it costs
-- and who would pay is not looked at. Redis itself lets it write nothing.
--
-- KEYS  acct, rsv, due, led, then key (when ARGV[5] is given), idem (when ARGV[12] is), and the rsv of the
--       attempt in ARGV[13] (when it is)
-- ARGV  1 now, 2 account, 3 attempt, 4 fingerprint of the content, 5 key ID or "" (an account was named),
--       6 SHA-256 of the API key, 7 n, 8 model, 9 what the catalog says (priced, unpriced, missing, behind;
--       for check_admission also unnamed: there is no model to look at), 10 unit price, 11 catalog version,
--       12 body hash or "" (no idempotency key), 13 the attempt that holds the idempotency key, as the last
--       SEE told, or "", 14 quota units of an image, then the four words of a period (see funds.lua)
-- Answers {"OK" or "REPLAY", reservation (14), requests limit, remaining, reset, images limit, remaining,
-- reset}, and check_admission {"OK", these six as they stand}; {"SEE", "0", attempt}: call again and declare
-- that attempt's reservation as well; PERIOD: see funds.lua; or a refusal, in this order: INVALID_API_KEY (unknown), a repeated
-- attempt's answer (REPLAY while it is pending or settled, for check_admission OK; RESERVATION_RESOLVED when
-- nothing is held any more, IDEMPOTENCY_KEY_REUSED for other content),
-- INVALID_API_KEY (revoked, expired), ACCOUNT_SUSPENDED, IDEMPOTENCY_KEY_*, IMAGE_COUNT_TOO_LARGE,
-- RATE_LIMIT_EXCEEDED, CATALOG_BEHIND, MODEL_NOT_FOUND, MODEL_NOT_ALLOWED, GENERATION_PRICE_MISSING (the wallet
-- would pay), ACCOUNT_IN_DEBT, SUBSCRIPTION_QUOTA_EXHAUSTED (no wallet to fall back to), CREDIT_BALANCE_EXHAUSTED.

local function admit_request(keys, args)
  local q = {account_key = keys[1], rsv_key = keys[2], due = keys[3], ledger = keys[4], account = args[2], attempt = args[3],
    fingerprint = args[4], key_id = args[5], hash = args[6], n = integer(args[7]), model = args[8],
    fact = args[9], unit = integer(args[10]) or 0, ver = integer(args[11]), body = args[12], other = args[13],
    units = integer(args[14]) or 0, period = given_period(args)}
  local at = 5
  if q.key_id ~= '' then q.key_key, at = keys[at], at + 1 end
  if q.body ~= '' then q.idem_key, at = keys[at], at + 1 end
  if q.other ~= '' then q.other_key = keys[at] end
  return q
end

-- `answer` and how the limits stand when nothing is asked for.
local function with_limits_as_they_stand(answer, now, key, account)
  for _, word in ipairs({limits_answer(measure(now, key, account, 0))}) do answer[#answer + 1] = word end
  return answer
end

-- The same attempt once more.
local function admit_again(q, r, now, key, account, only_check)
  if r.fingerprint ~= '' and r.fingerprint ~= q.fingerprint then return {'IDEMPOTENCY_KEY_REUSED', '0'} end
  if r.state == 'R' or r.state == 'E' then return resolved(r) end
  local answer = only_check and {'OK'} or {'REPLAY', reservation_answer(r)}
  return with_limits_as_they_stand(answer, now, key, account)
end

-- Who holds the idempotency key. Answers a refusal, or nil and the reservation that it is taken from
-- (nil when there is nothing to mark).
local function claim_idempotency_key(q, now)
  if not q.idem_key then return nil end
  local line = redis.call('GET', q.idem_key)
  if not line then return nil end
  local holder, body = unpack(split(line))
  if body ~= q.body then return {'IDEMPOTENCY_KEY_REUSED', '0'} end
  if holder == q.attempt then return nil end
  if holder ~= q.other then return {'SEE', '0', holder} end
  local first = read_reservation(q.other_key)
  if not first or first.state == 'R' then return nil end
  if first.state == 'P' then
    return {'IDEMPOTENCY_KEY_IN_USE', first.end_us <= now and '1' or '0'}
  end
  if first.state == 'E' then return nil, first end
  return {'IDEMPOTENCY_KEY_COMPLETED', '0', q.account .. '.' .. holder, text(first.charge)}
end

local function write_key_limits(key)
  if key.rpm_new then redis.call('HSET', key.name, 'rpm_tat', text(key.rpm_new)) end
  if key.ipm_new then redis.call('HSET', key.name, 'ipm_tat', text(key.ipm_new)) end
end

-- Holds what one of them pays, in `account` (not written).
local function take_hold(q, account, source, now)
  local r = {state = 'P', fingerprint = q.fingerprint, key = q.key_id, has_idem = q.idem_key ~= nil, n = q.n,
    unit = q.unit, amount = q.unit * q.n, src = source, sub_no = 0, units = 0, ver = q.ver, create_us = now,
    end_us = now + HOLD_US, passed_on = false, model = q.model, delivered = 0, charge = 0, seq = 0}
  if source == 'subscription' then
    r.unit, r.amount, r.sub_no, r.units = 0, 0, account.sub.no, q.units
    account.sub.held = account.sub.held + q.units * q.n
    account.sub_changed = true
  end
  account.held = account.held + r.amount
  account.cc = account.cc + 1
  account.key_cc = account.key_cc + 1
  check_money(account)
  return r
end

local function write_admission(q, r, now, key, account, taken_from, rollover)
  if rollover then append_ledger(q.ledger, account, now, rollover) end
  redis.call('SET', q.rsv_key, whole_record(r))
  redis.call('ZADD', q.due, text(r.end_us), q.account .. '.' .. q.attempt)
  write_account(account, now, q.key_id, 'held', 'seq')
  if key then write_key_limits(key) end
  if q.idem_key then
    redis.call('SET', q.idem_key, q.attempt .. '|' .. q.body, 'PX', text(IDEMPOTENCY_MS))
  end
  if taken_from then
    taken_from.passed_on = true
    redis.call('SET', taken_from.name, whole_record(taken_from), 'KEEPTTL')
  end
end

local function decide(keys, args, only_check)
  local q = admit_request(keys, args)
  local account = read_account(q.account_key, q.key_id)
  local key = q.key_key and read_key(q.key_key) or nil
  local known = read_reservation(q.rsv_key)
  redis.call('ZCARD', q.due)
  local now = clock(args[1], account and account.last_us)

  local refusal = unknown_caller(account, key, q.key_id, q.hash)
  if refusal then return refusal end
  if known then return admit_again(q, known, now, key, account, only_check) end
  refusal = unwelcome_caller(account, key, now)
  if refusal then return refusal end
  local taken_from
  refusal, taken_from = claim_idempotency_key(q, now)
  if refusal then return refusal end
  local measured = measure(now, key, account, q.n)
  refusal = limit_refusal(measured, now, key, account, q.n, q.due) or model_refusal(key, q.model, q.fact)
  if refusal then return refusal end
  if only_check then return with_limits_as_they_stand({'OK'}, now, key, account) end
  local source, rollover
  source, refusal, rollover = fund_in_period(account, q, q.due, now)
  if refusal then return refusal end
  local r = take_hold(q, account, source, now)
  write_admission(q, r, now, key, account, taken_from, rollover)

  local answer = {'OK', reservation_answer(r)}
  for _, word in ipairs({limits_answer(measured)}) do answer[#answer + 1] = word end
  return answer
end

local function admit(keys, args) return decide(keys, args, false) end
local function check_admission(keys, args) return decide(keys, args, true) end

redis.register_function{function_name = '@LIBRARY@_admit', callback = admit}
redis.register_function{
  function_name = '@LIBRARY@_check_admission', callback = check_admission, flags = {'no-writes'}}
