-- Who pays: the wallet or the subscription, and the subscription's periods. Bounds of periods are computed by
-- the caller, who knows the calendar: a function that needs them answers {"PERIOD", "0", now, first start, period},
-- and is called again with what the plan's period at that time is. Its last four words are then period,
-- first start, start and end; at first they are empty.

local function given_period(args)
  local at = #args - 3
  if args[at] == '' then return nil end
  return {kind = args[at], first = integer(args[at + 1]), start = integer(args[at + 2]), stop = integer(args[at + 3])}
end

local function ask_period(now, first, kind)
  return {'PERIOD', '0', text(now), text(first), kind}
end

-- A clock before the first start, which stepped back, is in the first period.
local function holds_time(period, now)
  return now < period.stop and (now >= period.start - STEP_BACK_US or period.start == period.first)
end

-- A period in which nothing is used yet: the first, the next, or one of another plan.
local function begin_period(account, quota, period)
  account.sub_no = account.sub_no + 1
  account.sub = {no = account.sub_no, quota = quota, period = period.kind, first = period.first, start = period.start,
    stop = period.stop, used = 0, held = 0, over = 0}
  account.sub_changed = true
end

-- What is held of it is settled later and counts nowhere.
local function remove_subscription(account)
  account.sub_no = account.sub_no + 1
  account.sub = nil
  account.sub_changed = true
end

-- Brings `account` (not written) to the period that `now` is in. Answers the ledger entry for it, nil when it is
-- there already; or nil and the question for the bounds. Where the clock was ahead when a period began and
-- has come back, the bounds come back too and the counters stay: no quota is given twice.
local function roll_over(account, now, given)
  local sub = account.sub
  if not sub or holds_time(sub, now) then return nil end
  if not given or given.kind ~= sub.period or given.first ~= sub.first or not holds_time(given, now) then
    return nil, ask_period(now, sub.first, sub.period)
  end
  local entry = {amount = 0, owed_change = 0, quota = sub.quota, start = given.start, stop = given.stop}
  if given.start > sub.start then
    entry.type, entry.units = 'subscription_rolled_over', sub.used
    begin_period(account, sub.quota, given)
  else
    entry.type = 'subscription_changed'
    sub.start, sub.stop, account.sub_changed = given.start, given.stop, true
  end
  account.seq = account.seq + 1
  entry.seq = account.seq
  return entry
end

local function price_refusal(fact, unit, n)
  if fact ~= 'priced' then return {'GENERATION_PRICE_MISSING', '0'} end
  if unit * n > MONEY_MAX then
    return {'IMAGE_COUNT_TOO_LARGE', '0', text(math.floor(MONEY_MAX / unit))}
  end
  return nil
end

-- Which source the account's policy leads to for `q` (n, fact, unit, units of an image), whether or not it can pay: nil when
-- the subscription would be the only one and does not cover all images. A wallet without any money is
-- none to fall back to, unless nothing is to be paid.
local function chosen_source(account, q)
  local sub = account.policy ~= 'wallet_only' and account.sub or nil
  if sub and sub.quota - sub.used - sub.held >= q.units * q.n then return 'subscription' end
  if account.policy == 'subscription_only' then return nil end
  if sub and account.bal == 0 and not (q.fact == 'priced' and q.unit == 0) then return nil end
  return 'wallet'
end

local function quota_refusal(account, due, now)
  local sub = account.sub or {quota = 0, used = 0, held = 0}
  return {'SUBSCRIPTION_QUOTA_EXHAUSTED', holds_are_due(due, now), text(sub.quota), text(sub.used), text(sub.held)}
end

-- Who pays for `q`, in the period that `account` was brought to: 'wallet' or 'subscription'; or nil and the refusal.
local function fund(account, q, due, now)
  local source = chosen_source(account, q)
  if source == 'wallet' then
    local refusal = price_refusal(q.fact, q.unit, q.n)
    if refusal then return nil, refusal end
  end
  if account.owed > 0 then return nil, {'ACCOUNT_IN_DEBT', '0', text(account.owed)} end
  if not source then return nil, quota_refusal(account, due, now) end
  local amount, free = q.unit * q.n, account.bal - account.held
  if source == 'wallet' and free < amount then
    return nil, {'CREDIT_BALANCE_EXHAUSTED', holds_are_due(due, now), text(amount), text(free)}
  end
  return source
end

-- The same after a rollover, where one is due and the subscription counts; answers its entry as well.
local function fund_in_period(account, q, due, now)
  local rollover, question
  if account.policy ~= 'wallet_only' then rollover, question = roll_over(account, now, q.period) end
  if question then return nil, question end
  local source, refusal = fund(account, q, due, now)
  return source, refusal, rollover
end
