-- The audit log: what was changed by hand, and by whom, written in the step of the change itself. A function that is
-- audited declares the log as its last key, is told the actor, and writes one entry for each call that
-- changes something.
--
-- Of a bucket there are two logs, so that who may turn a limit up and down all day does not push out who took the
-- money. `{b}:audit` has what leaves something that stays: an entry of the ledger, an account, a key, a key's end.
-- `{b}:audit:settings` has what can be undone and done again: limits, what a key may do, suspension, recounts. (A build
-- that knew only one log wrote all of it to the first.)
--
-- Two streams are written in one step only where money or a plan changes. The ledger's entry is first, since its ID is
-- ours and may be refused. Redis chooses this one's, so that it can fail only where the key is no stream, and
-- prove_audit has looked before anything was written.

-- Of each bucket, at least. Redis drops whole blocks of older ones, so that some more stay.
local AUDIT_ENTRIES = 4000
local AUDIT_SETTINGS_ENTRIES = 1000
-- Bytes of a value, which is there to be read by people.
local AUDIT_VALUE_MAX = 500
-- More than this many counters of keys are not named one by one.
local AUDIT_KEYS_MAX = 100

local ACCOUNT_PATHS = {'suspended', 'balance_nano_usd', 'owed_nano_usd', 'requests_per_minute', 'images_per_minute',
  'max_concurrent', 'funding_policy', 'subscription.quota_units', 'subscription.period'}
local KEY_PATHS = {'revoked', 'requests_per_minute', 'images_per_minute', 'max_concurrent', 'allowed_models',
  'expire_time_us'}

local function prove_audit(keys)
  redis.call('XLEN', keys[#keys])
end

local function kept_entries(log)
  return log:match(':audit:settings$') and AUDIT_SETTINGS_ENTRIES or AUDIT_ENTRIES
end

local function number_or_nil(number)
  return number and text(number) or nil
end

local function account_picture(account)
  local sub = account.sub or {}
  return {suspended = tostring(account.state == 'suspended'), balance_nano_usd = text(account.bal),
    owed_nano_usd = text(account.owed), requests_per_minute = number_or_nil(account.rpm),
    images_per_minute = number_or_nil(account.ipm), max_concurrent = number_or_nil(account.cc_max),
    funding_policy = account.policy, ['subscription.quota_units'] = number_or_nil(sub.quota),
    ['subscription.period'] = sub.period}
end

-- Absent: all models; never.
local function key_picture(key)
  return {revoked = tostring(key.state == 'revoked'), requests_per_minute = number_or_nil(key.rpm),
    images_per_minute = number_or_nil(key.ipm), max_concurrent = number_or_nil(key.cc_max),
    allowed_models = key.models ~= '' and key.models:gsub('\n', ' ') or nil,
    expire_time_us = key.expire_us ~= 0 and text(key.expire_us) or nil}
end

-- What is another in `now` than in `before`, in the order of `paths`.
local function differences(paths, before, now)
  local changes = {}
  for _, path in ipairs(paths) do
    if before[path] ~= now[path] then
      changes[#changes + 1] = {path = path, before = before[path], after = now[path]}
    end
  end
  return changes
end

-- What something new was made with, but for what every new one has.
local function beginnings(paths, picture)
  local changes = differences(paths,
    {suspended = 'false', revoked = 'false', balance_nano_usd = '0', owed_nano_usd = '0'}, picture)
  for _, change in ipairs(changes) do change.before = nil end
  return changes
end

-- Cut where a character of UTF-8 begins.
local function audit_value(value)
  if #value <= AUDIT_VALUE_MAX then return value end
  local last = AUDIT_VALUE_MAX - 3
  while last > 0 and value:byte(last + 1) >= 0x80 and value:byte(last + 1) < 0xc0 do last = last - 1 end
  return value:sub(1, last) .. '...'
end

-- `entry` has action, actor, changes, and where there are some target, reason, `creation` and another `log` than the
-- last key. One that neither creates nor changes anything is not written. Comes before everything else that is written,
-- but for the ledger's entry.
local function append_audit(keys, now, entry)
  if #entry.changes == 0 and not entry.creation then return end
  local fields = {'us', text(now), 'actor', entry.actor or '', 'action', entry.action,
    'account', keys[1]:match(':acct:(.*)$'), 'target', entry.target or '', 'reason', entry.reason or ''}
  local function add(name, value)
    if not value then return end
    fields[#fields + 1] = name
    fields[#fields + 1] = audit_value(value)
  end
  for _, change in ipairs(entry.changes) do
    add('-' .. change.path, change.before)
    add('+' .. change.path, change.after)
  end
  local log = entry.log or keys[#keys]
  redis.call('XADD', log, 'MAXLEN', '~', text(kept_entries(log)), '*', unpack(fields))
end

-- The entry for a key that is made of these fields, names and values in turn.
local function new_key_entry(action, actor, key_key, fields)
  local f = {}
  for i = 1, #fields, 2 do f[fields[i]] = fields[i + 1] end
  local picture = key_picture({state = f.state, rpm = integer(f.rpm), ipm = integer(f.ipm), cc_max = integer(f.cc_max),
    models = f.models, expire_us = integer(f.expire_us)})
  return {action = action, actor = actor, target = key_key:match(':key:(.*)$'), creation = true,
    changes = beginnings(KEY_PATHS, picture)}
end

-- The list of the bucket's accounts, where one that was opened before there was a list is missing until it is
-- changed or recounted.
local function list_account(index, account_key)
  redis.call('ZADD', index, '0', account_key:match(':acct:(.*)$'))
end
