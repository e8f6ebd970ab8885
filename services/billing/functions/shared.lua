-- What the verbs of this library share. One library, a file per verb, joined at build; every function
-- is called @LIBRARY@_<verb>.
--
-- Rules. Lua has no rollback, so every function reads all of its keys (which also proves their types),
-- then checks, then computes, and writes last; the one write that can fail, XADD, is the first.
-- A refusal writes nothing. All keys are declared and share the slot of the account's bucket.
-- Money, times and sequences are integers below 2^53, exact in Lua's doubles as long as text is made by
-- text() only: `..` and tostring() turn 9000000000000001 into 9e+15.
--
-- ARGV[1] of every function is "". A library that was built with the test clock takes microseconds there.
-- Answers are arrays of text: {"OK", ...}, or {REASON, due, facts...} for a refusal, where due is "1"
-- when holds of this bucket are past their time, so that expiring them may change the answer.
--
-- {b}:acct:<account>        hash: state active|suspended, bal, held, owed, seq (ledger), key_seq, cc,
--                           cc:<n> (of key n while it is above 0), rpm, ipm, cc_max (limits; absent: none),
--                           rpm_tat, ipm_tat, last_us, create_us, policy subscription_first (also: absent)|
--                           subscription_only|wallet_only, sub (see read_subscription; absent: never any)
-- {b}:key:<account>.<n>     hash: state active|revoked, hash, expire_us, create_us, models, rpm, ipm, cc_max,
--                           rpm_tat, ipm_tat, imported (1: it was made elsewhere and is found by its hash)
-- {b}:rsv:<account>.<uuid>  text, see read_reservation
-- {b}:idem:<account>:<hash> text: <uuid>|<body hash>
-- {b}:due                   sorted set: <account>.<uuid> by the time when the hold ends
-- {b}:led:<account>         stream, IDs <seq>-0
-- {b}:fwd:<account>         stream of one entry, which stands for those that were trimmed (see trim_ledger)
-- {b}:top:<account>:<id>    text: <amount>|<seq>; of adjustments and write-offs also |<type>|<SHA-1 of the reason>
-- {b}:imp:<account>:<hash>  text: the number of the key that was imported under this hash
-- apikey:<hash>             text, the one key without a tag: <account>.<n> of an imported key; never changed
-- {b}:use:<account>:<day>   hash of a day (YYYYMMDD, UTC), 400 days: <key number or ->|<model>| and then r requests,
--                           i images, c charged nano-USD, u units; in both hashes of a day also
--                           " damaged "<field>, the text of what could not be read and was counted from zero
-- {b}:day:<day>             hash, the same of all accounts of the bucket, kept as long: <model>, whose row is
--                           one text, since every charge writes one: requests|images|charged|units
-- {b}:accounts              sorted set, all scores 0: the names of the bucket's accounts
-- {b}:audit                 stream, IDs Redis' own, at least the newest 4000: us, actor, action, account, target,
--                           reason, then of each path that changed -<path> what was and +<path> what is,
--                           where there is one (see audit_log)
-- {b000}:books:turn         text: which replica of billing looks through all books (see take_turn); lives half a minute
-- {b}:audit:settings        stream, the same of what can be changed to and fro at will, at least the newest 1000

local TEST_CLOCK = false

local MONEY_MAX = 9000000000000000
local MINUTE_US = 60000000
-- Longer than the longest generation and its settlement (330 s), shorter than the SDKs' 600 s.
local HOLD_US = 420000000
local HOUR_MS = 3600000
local DAY_MS = 86400000
-- An idempotency record outlives every reservation that it can name: a day after a hold's end. Where a hold
-- ends late, since nobody swept, its record lives as long as its idempotency record and no longer.
local IDEMPOTENCY_MS = DAY_MS + 900000
-- Steps back of the clock up to this are bridged by standing still.
local STEP_BACK_US = 5000000
local NEVER = -1

local function text(number)
  return string.format('%.0f', number)
end

-- A field of ours that must be an integer: nil when it is absent.
local function integer(field)
  if not field or field == '' then return nil end
  local number = tonumber(field)
  if not number or number ~= math.floor(number) or math.abs(number) > MONEY_MAX then
    error('not an integer: ' .. field)
  end
  return number
end

-- Microseconds. TIME is asked once per call: within a function of Redis 7.0 it moves.
local function clock(given, last_us)
  local now
  if given ~= '' then
    if not TEST_CLOCK then error('this library has no test clock') end
    now = integer(given)
  else
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  if last_us and last_us > now and last_us - now < STEP_BACK_US then return last_us end
  return now
end

-- The text of a number that may be absent.
local function optional_text(number)
  return number and text(number) or ''
end

local function split(line)
  local parts = {}
  for part in (line .. '|'):gmatch('([^|]*)|') do parts[#parts + 1] = part end
  return parts
end

-- Accounts ---------------------------------------------------------------------------------------

local function concurrency_field(key_id)
  return 'cc:' .. key_id:match('%.(%d+)$')
end

-- What pays for an account's subscription: its plan, its period and that period's counters. `no` numbers the
-- periods: it grows with each one that begins or is ended, and a hold counts only where its own number is.
--   no|quota|period (month, week, day)|first start|start|end|used|held|over
-- Only the number stays of one that was removed. Answers nil when there is none, and the number.
local function read_subscription(line)
  if not line then return nil, 0 end
  local p = split(line)
  local no = integer(p[1])
  if #p == 1 then return nil, no end
  return {no = no, quota = integer(p[2]), period = p[3], first = integer(p[4]), start = integer(p[5]),
    stop = integer(p[6]), used = integer(p[7]), held = integer(p[8]), over = integer(p[9])}, no
end

local function subscription_text(account)
  local sub = account.sub
  if not sub then return text(account.sub_no) end
  return table.concat({text(sub.no), text(sub.quota), sub.period, text(sub.first), text(sub.start), text(sub.stop),
    text(sub.used), text(sub.held), text(sub.over)}, '|')
end

-- nil when there is none. `key_id` may be "".
local function read_account(name, key_id)
  local keyed = key_id ~= ''
  local f = redis.call('HMGET', name, 'state', 'bal', 'held', 'owed', 'seq', 'key_seq', 'cc', 'rpm', 'ipm',
    'cc_max', 'rpm_tat', 'ipm_tat', 'last_us', 'create_us', keyed and concurrency_field(key_id) or 'cc:', 'policy',
    'sub')
  if not f[1] then return nil end
  local sub, sub_no = read_subscription(f[17])
  return {
    name = name, state = f[1], bal = integer(f[2]), held = integer(f[3]), owed = integer(f[4]),
    seq = integer(f[5]), key_seq = integer(f[6]), cc = integer(f[7]), rpm = integer(f[8]),
    ipm = integer(f[9]), cc_max = integer(f[10]), rpm_tat = integer(f[11]) or 0,
    ipm_tat = integer(f[12]) or 0, last_us = integer(f[13]) or 0, create_us = integer(f[14]),
    key_cc = integer(f[15]) or 0, policy = f[16] or 'subscription_first', sub = sub, sub_no = sub_no,
  }
end

-- 21 words; the last is the time, which tells whether the subscription's period is still the current one.
local function account_answer(account, now)
  local sub = account.sub or {}
  return account.state, text(account.bal), text(account.held), text(account.owed), text(account.cc),
    text(account.seq), text(account.create_us), optional_text(account.rpm), optional_text(account.ipm),
    optional_text(account.cc_max), text(account.key_seq), account.policy, optional_text(sub.quota), sub.period or '',
    optional_text(sub.first), optional_text(sub.start), optional_text(sub.stop), optional_text(sub.used),
    optional_text(sub.held), optional_text(sub.over), text(now)
end

-- The money must be whole before anything is written: 0 <= held <= bal, and all within the format. So must
-- the quota, but for used + held <= quota, which a lowered quota breaks.
local function check_money(account)
  local sub = account.sub
  if account.held < 0 or account.bal < account.held or account.bal > MONEY_MAX or account.owed < 0 or
    account.owed > MONEY_MAX or (sub and (sub.used < 0 or sub.held < 0 or sub.over < 0)) then
    error('the account would be out of balance')
  end
end

-- Writes what every change of an account writes (time, concurrency of account and key, new rate limits, a
-- subscription marked `sub_changed`) and the fields named. The key's concurrency field goes when it reaches
-- 0. `key_id` may be "".
local function write_account(account, now, key_id, ...)
  local fields = {'last_us', text(now), 'cc', text(account.cc)}
  local function add(name, number)
    fields[#fields + 1] = name
    fields[#fields + 1] = text(number)
  end
  for _, name in ipairs({...}) do add(name, account[name]) end
  if account.rpm_new then add('rpm_tat', account.rpm_new) end
  if account.ipm_new then add('ipm_tat', account.ipm_new) end
  if account.sub_changed then
    fields[#fields + 1] = 'sub'
    fields[#fields + 1] = subscription_text(account)
  end
  local keyed = key_id ~= ''
  if keyed and account.key_cc > 0 then add(concurrency_field(key_id), account.key_cc) end
  redis.call('HSET', account.name, unpack(fields))
  if keyed and account.key_cc == 0 then redis.call('HDEL', account.name, concurrency_field(key_id)) end
end

-- Appends an entry and is the first write of its function. `account` holds the values after the change. All
-- entries have the same fields in the same order, whose names Redis then stores once for many of them.
-- `start` and `stop` of a charge: the period in whose counters it is; empty when that one had ended.
local function append_ledger(ledger, account, now, entry)
  redis.call('XADD', ledger, text(entry.seq or account.seq) .. '-0', 'type', entry.type, 'us', text(now),
    'amount', text(entry.amount), 'owed_change', text(entry.owed_change),
    'bal', text(account.bal), 'owed', text(account.owed),
    'rsv', entry.rsv or '', 'key', entry.key or '', 'model', entry.model or '',
    'n', text(entry.n or 0), 'delivered', text(entry.delivered or 0), 'unit', text(entry.unit or 0),
    'src', entry.src or '', 'ver', text(entry.ver or 0), 'request', entry.request or '',
    'units', optional_text(entry.units), 'over', optional_text(entry.over), 'quota', optional_text(entry.quota),
    'start', optional_text(entry.start), 'end', optional_text(entry.stop), 'reason', entry.reason or '',
    'carried', optional_text(entry.carried), 'carried_owed', optional_text(entry.carried_owed))
end

-- Keys -------------------------------------------------------------------------------------------

local function read_key(name)
  local f = redis.call('HMGET', name, 'state', 'hash', 'expire_us', 'create_us', 'models', 'rpm', 'ipm',
    'cc_max', 'rpm_tat', 'ipm_tat', 'imported')
  if not f[1] then return nil end
  return {
    name = name, state = f[1], hash = f[2], expire_us = integer(f[3]), create_us = integer(f[4]),
    models = f[5] or '', rpm = integer(f[6]), ipm = integer(f[7]), cc_max = integer(f[8]),
    rpm_tat = integer(f[9]) or 0, ipm_tat = integer(f[10]) or 0, imported = f[11] == '1',
  }
end

local function key_answer(key, concurrent)
  return key.state, text(key.expire_us), text(key.create_us), optional_text(key.rpm), optional_text(key.ipm),
    optional_text(key.cc_max), key.models, text(concurrent), key.imported and '1' or ''
end

-- Writes limits that are there. Names and values alternate, as HSET wants them.
local function with_limits(fields, rpm, ipm, cc_max)
  for name, limit in pairs({rpm = rpm, ipm = ipm, cc_max = cc_max}) do
    if limit ~= '' then
      fields[#fields + 1] = name
      fields[#fields + 1] = text(integer(limit))
    end
  end
  return fields
end

-- Reservations -----------------------------------------------------------------------------------

-- While it is pending (P) and after it expired (E) the record is whole:
--   state|fingerprint|key|has idempotency key|n|unit|amount|source|version|created|ends|passed on|model
-- Settled (S), settled late (L) and released (R) it is short:
--   state|fingerprint|key|has idempotency key|delivered|charge|sequence
-- The source is `wallet`, or `subscription/<number of the period>/<units of an image>`; then unit and amount,
-- which are money, are 0. `passed on` is 1 when its idempotency key went to another attempt after it had
-- expired.
local function source_text(r)
  if r.src == 'wallet' then return r.src end
  return r.src .. '/' .. text(r.sub_no) .. '/' .. text(r.units)
end

local function read_source(r, source)
  r.src, r.sub_no, r.units = source, 0, 0
  local src, sub_no, units = source:match('^(%a+)/(%d+)/(%d+)$')
  if src then r.src, r.sub_no, r.units = src, integer(sub_no), integer(units) end
end

local function read_reservation(name)
  local line = redis.call('GET', name)
  if not line then return nil end
  local p = split(line)
  local r = {name = name, state = p[1], fingerprint = p[2], key = p[3], has_idem = p[4] == '1',
    delivered = 0, charge = 0, seq = 0}
  if r.state == 'P' or r.state == 'E' then
    r.n, r.unit, r.amount = integer(p[5]), integer(p[6]), integer(p[7])
    read_source(r, p[8])
    r.ver, r.create_us, r.end_us = integer(p[9]), integer(p[10]), integer(p[11])
    r.passed_on, r.model = p[12] == '1', table.concat(p, '|', 13)
  else
    r.delivered, r.charge, r.seq = integer(p[5]), integer(p[6]), integer(p[7])
  end
  return r
end

local function whole_record(r)
  return table.concat({r.state, r.fingerprint, r.key, r.has_idem and '1' or '0', text(r.n), text(r.unit),
    text(r.amount), source_text(r), text(r.ver), text(r.create_us), text(r.end_us), r.passed_on and '1' or '0',
    r.model}, '|')
end

-- An ended reservation is remembered for an hour, a day where an idempotency key may still ask for it.
local function write_short_record(r)
  local line = table.concat({r.state, r.fingerprint, r.key, r.has_idem and '1' or '0', text(r.delivered),
    text(r.charge), text(r.seq)}, '|')
  redis.call('SET', r.name, line, 'PX', text(r.has_idem and DAY_MS or HOUR_MS))
end

local function reservation_answer(r)
  local whole = r.n ~= nil
  return r.state, r.key, r.model or '', whole and text(r.n) or '0', whole and text(r.unit) or '0',
    whole and text(r.amount) or '0', whole and text(r.create_us) or '0', whole and text(r.end_us) or '0',
    whole and text(r.ver) or '0', text(r.delivered), text(r.charge), text(r.seq), r.src or '',
    whole and text(r.units * r.n) or '0'
end

local function resolved(r)
  return {'RESERVATION_RESOLVED', '0', r.state, text(r.delivered), text(r.charge)}
end

-- Whether the counters of the subscription are still those of the period in which the hold was made.
local function in_its_period(account, r)
  return r.src == 'subscription' and account.sub ~= nil and account.sub.no == r.sub_no
end

-- Takes the hold and the slots off `account` (not written yet). Units of a period that has ended went with it.
local function give_back(account, r)
  account.held = account.held - r.amount
  if in_its_period(account, r) then
    account.sub.held = account.sub.held - r.units * r.n
    account.sub_changed = true
  end
  account.cc = math.max(0, account.cc - 1)
  account.key_cc = math.max(0, account.key_cc - 1)
end

-- A hold that ends so late was made while the clock was ahead.
local function is_too_far_ahead(end_us, now)
  return end_us > now + HOLD_US + STEP_BACK_US
end

local function holds_are_due(due, now)
  if not due then return '0' end
  local first = redis.call('ZRANGE', due, '-inf', text(now), 'BYSCORE', 'LIMIT', '0', '1')
  return #first > 0 and '1' or '0'
end

-- Limits -----------------------------------------------------------------------------------------

-- GCRA in whole microseconds: `limit` a minute with a burst of `limit`, of which `cost` are asked for.
-- The rounded-up interval never admits too much. A stored time a little later than a full burst ahead comes
-- from a limit that was changed, and is paid off; much later, from a clock that stepped back, and is forgotten,
-- which admits one burst too much. (Cutting it to a full burst would lock the caller out until the clock has
-- caught up, since a refusal does not write the cut.)
-- Answers what to store, how long to wait (0: admitted; NEVER), what remains, and until when it is full.
local function gcra(now, limit, tat, cost)
  if limit == 0 then
    return {limit = 0, store = tat, retry_us = cost > 0 and NEVER or 0, remaining = 0, reset_us = 0}
  end
  local interval = math.floor((MINUTE_US + limit - 1) / limit)
  local burst_us = interval * limit
  if tat > now + burst_us + STEP_BACK_US then tat = now end
  local base = math.max(tat, now)
  local new = base + interval * cost
  local over = new - now - burst_us
  local retry_us = 0
  if over > 0 then
    retry_us = interval * cost <= burst_us and over or NEVER
    new = base
  end
  return {limit = limit, store = new, retry_us = retry_us,
    remaining = math.max(0, math.floor((burst_us - (new - now)) / interval)), reset_us = new - now}
end

-- All rate limits of key and account for n images (0: only how they stand); `key` may be nil. Notes in both
-- what an admission would store, and writes nothing.
local function measure(now, key, account, n)
  local measured = {requests = {}, images = {}}
  local function add(list, who, metric, state)
    list[#list + 1] = {who, metric, state}
    return state.store
  end
  for _, subject in ipairs({{'key', key}, {'account', account}}) do
    local who, whose = subject[1], subject[2]
    if whose and whose.rpm then
      local state = gcra(now, whose.rpm, whose.rpm_tat, n > 0 and 1 or 0)
      whose.rpm_new = add(measured.requests, who, 'requests', state)
    end
    if whose and whose.ipm then
      whose.ipm_new = add(measured.images, who, 'images', gcra(now, whose.ipm, whose.ipm_tat, n))
    end
  end
  return measured
end

-- Of key and account the tighter one: limit, remaining, reset; three empty texts when there is none.
local function tighter(measures)
  local chosen
  for _, m in ipairs(measures) do
    local s = m[3]
    if not chosen or s.remaining < chosen.remaining or
      (s.remaining == chosen.remaining and s.reset_us > chosen.reset_us) then
      chosen = s
    end
  end
  if not chosen then return '', '', '' end
  return text(chosen.limit), text(chosen.remaining), text(chosen.reset_us)
end

local function limits_answer(measured)
  local a, b, c = tighter(measured.requests)
  return a, b, c, tighter(measured.images)
end

-- RATE_LIMIT_EXCEEDED with how the limits stand; nothing of what was asked for is taken.
local function limit_reached(now, key, account, due, who, metric, limit, retry_us)
  return {'RATE_LIMIT_EXCEEDED', due, who, metric, text(limit), text(retry_us),
    limits_answer(measure(now, key, account, 0))}
end

-- IMAGE_COUNT_TOO_LARGE or RATE_LIMIT_EXCEEDED for n >= 1 images; nil when all limits admit. Of several
-- refusing rate limits the one that takes longest is told, since only then the call can succeed.
local function limit_refusal(measured, now, key, account, n, due)
  local smallest
  for _, m in ipairs(measured.images) do
    if n > m[3].limit and (not smallest or m[3].limit < smallest) then smallest = m[3].limit end
  end
  if smallest then return {'IMAGE_COUNT_TOO_LARGE', '0', text(smallest)} end
  local worst
  for _, list in ipairs({measured.requests, measured.images}) do
    for _, m in ipairs(list) do
      local retry_us = m[3].retry_us
      if retry_us ~= 0 and (not worst or (worst[3].retry_us ~= NEVER and
        (retry_us == NEVER or retry_us > worst[3].retry_us))) then
        worst = m
      end
    end
  end
  if worst then
    return limit_reached(now, key, account, '0', worst[1], worst[2], worst[3].limit, worst[3].retry_us)
  end
  local function crowded(who, limit, running)
    if not limit or running < limit then return nil end
    return limit_reached(now, key, account, holds_are_due(due, now), who, 'concurrency', limit,
      limit == 0 and NEVER or 0)
  end
  return (key and crowded('key', key.cc_max, account.key_cc)) or
    crowded('account', account.cc_max, account.cc)
end

-- Who asks, and who pays -------------------------------------------------------------------------

-- The account, and the key unless an account was named (key_id ""), must be there and the secret right.
local function unknown_caller(account, key, key_id, hash)
  if key_id == '' then
    if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
    return nil
  end
  if not account or not key or key.hash ~= hash then return {'INVALID_API_KEY', '0', 'unknown'} end
  return nil
end

local function unwelcome_caller(account, key, now)
  if key and key.state ~= 'active' then return {'INVALID_API_KEY', '0', 'revoked'} end
  if key and key.expire_us ~= 0 and key.expire_us <= now then return {'INVALID_API_KEY', '0', 'expired'} end
  if account.state ~= 'active' then return {'ACCOUNT_SUSPENDED', '0'} end
  return nil
end

-- What is asked for. `fact` is what the catalog says: priced, unpriced, missing, behind, or unnamed when no
-- model is asked about.
local function model_refusal(key, model, fact)
  if fact == 'unnamed' then return nil end
  if fact == 'behind' then return {'CATALOG_BEHIND', '0'} end
  if fact == 'missing' then return {'MODEL_NOT_FOUND', '0'} end
  if key and key.models ~= '' and
    not ('\n' .. key.models .. '\n'):find('\n' .. model .. '\n', 1, true) then
    return {'MODEL_NOT_ALLOWED', '0'}
  end
  return nil
end
