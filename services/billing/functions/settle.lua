-- settle: charges what was delivered and gives back the rest of the hold and the slots. 0 is a release.
--
-- KEYS  acct, rsv, due, led, use of one day, use of another, the bucket's totals of the one, of the other
-- ARGV  1 now, 2 account, 3 attempt, 4 delivered, 5 the one day (YYYYMMDD), 6 the other
-- Answers {"OK", "REPLAY" or "PASSED_ON", reservation (14)}, with OK also what of the day's counters is damaged
-- ("usage", "totals"); {"DAY", "0", now} when it is neither of the days: call again; or a refusal:
-- RESERVATION_FORGOTTEN, DELIVERED_COUNT_TOO_LARGE (n), RESERVATION_RESOLVED (state, delivered, charge).
--
-- The record's state decides, not the clock: a hold that is past its time and was not expired yet is still
-- there, so it is settled in time. After expiry the charge takes what is free in the wallet and books the
-- rest as owed, or takes what is left of the quota and notes the rest as units over; when the idempotency key has
-- passed to another attempt it charges nothing (PASSED_ON).

local USAGE_SECONDS = 400 * 86400

-- Takes `charge` from what is free; what is missing is owed, up to what the format holds.
local function charge_wallet_late(account, r, charge)
  local taken = math.min(charge, account.bal - account.held)
  local owed = math.min(charge - taken, MONEY_MAX - account.owed)
  account.bal = account.bal - taken
  account.owed = account.owed + owed
  r.charge = taken + owed
  return {type = 'late_charge', amount = 0 - taken, owed_change = owed}
end

-- Units beyond the quota are in the entry alone where their period has ended, else in its counters too.
local function charge_quota_late(account, r, units)
  local entry = {type = 'late_charge', amount = 0, owed_change = 0, units = units, over = units}
  if not in_its_period(account, r) then return entry end
  local sub = account.sub
  local taken = math.min(units, math.max(0, sub.quota - sub.used - sub.held))
  entry.over, entry.start, entry.stop = units - taken, sub.start, sub.stop
  sub.used, sub.over, account.sub_changed = sub.used + taken, sub.over + entry.over, true
  return entry
end

local function charge_late(account, r)
  if r.src == 'subscription' then return charge_quota_late(account, r, r.units * r.delivered) end
  return charge_wallet_late(account, r, r.unit * r.delivered)
end

local function charge_in_time(account, r)
  give_back(account, r)
  r.charge = r.unit * r.delivered
  account.bal = account.bal - r.charge
  local entry = {type = 'charge', amount = 0 - r.charge, owed_change = 0}
  if r.src ~= 'subscription' then return entry end
  entry.units, entry.over = r.units * r.delivered, 0
  if in_its_period(account, r) then
    local sub = account.sub
    sub.used = sub.used + entry.units
    entry.start, entry.stop = sub.start, sub.stop
  end
  return entry
end

-- YYYYMMDD of microseconds (UTC), by counting in years that begin in March, whose leap day is the last.
local function day_of(now)
  local days = math.floor(now / 86400000000) + 719468
  local era = math.floor(days / 146097)
  local rest = days - era * 146097
  local year = math.floor((rest - math.floor(rest / 1460) + math.floor(rest / 36524) - math.floor(rest / 146096)) / 365)
  local day = rest - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * day + 2) / 153)
  day = day - math.floor((153 * month + 2) / 5) + 1
  year = year + era * 400 + (month >= 10 and 1 or 0)
  month = month + (month < 10 and 3 or -9)
  return text(year * 10000 + month * 100 + day)
end

-- Use and totals of the day; nil when it is neither of the two.
local function keys_of_day(keys, args, now)
  local day = day_of(now)
  if day == args[5] then return {usage = keys[5], totals = keys[7]} end
  if day == args[6] then return {usage = keys[6], totals = keys[8]} end
end

-- A day's counters tell what the ledger tells too, and must never fail a settlement: what cannot be read counts from
-- zero, and its text is kept in a field of its own, for a person to look at. Names of models have no blanks.
local DAMAGED = ' damaged '

-- 0 where there is none; nil: it cannot be read.
local function counted(field)
  if not field then return 0 end
  local number = field:match('^%d+$') and tonumber(field)
  return number and number <= MONEY_MAX and number or nil
end

-- Sums that leave the format, which only thousands of the dearest charges in a day could make, stay at its end.
local function sum(had, more)
  return math.min(had + more, MONEY_MAX)
end

local function put_aside(fields, name, damaged)
  fields[#fields + 1] = DAMAGED .. name
  fields[#fields + 1] = audit_value(damaged)
end

-- A row of the account's day with this charge: {fields = names and values as HSET wants them (nil: the key is no hash),
-- is_new, damaged}.
local function added_usage(key, r, units)
  local row = (r.key:match('%.(%d+)$') or '-') .. '|' .. r.model
  local names = {row .. '|r', row .. '|i', row .. '|c', row .. '|u'}
  local had = redis.pcall('HMGET', key, names[1], names[2], names[3], names[4])
  if had.err then return {damaged = true} end
  local added = {fields = {}, is_new = not had[1]}
  for i, more in ipairs({1, r.delivered, r.charge, units}) do
    local count = counted(had[i])
    if not count then
      added.damaged = true
      put_aside(added.fields, names[i], had[i])
    end
    added.fields[#added.fields + 1] = names[i]
    added.fields[#added.fields + 1] = text(sum(count or 0, more))
  end
  return added
end

-- The same of the model's row among the bucket's totals, whose numbers are in one text.
local function added_total(key, r, units)
  local line = redis.pcall('HGET', key, r.model)
  if type(line) == 'table' then return {damaged = true} end
  local words = line and {line:match('^(%d+)|(%d+)|(%d+)|(%d+)$')} or {}
  local requests, images, charged, used = counted(words[1]), counted(words[2]), counted(words[3]), counted(words[4])
  local added = {fields = {}, is_new = not line}
  if line and not (words[1] and requests and images and charged and used) then
    added.damaged = true
    put_aside(added.fields, r.model, line)
    requests, images, charged, used = 0, 0, 0, 0
  end
  added.fields[#added.fields + 1] = r.model
  added.fields[#added.fields + 1] = string.format('%.0f|%.0f|%.0f|%.0f', sum(requests, 1), sum(images, r.delivered),
    sum(charged, r.charge), sum(used, units))
  return added
end

-- Counts the charge among those of the day; a day's first row is new, so that every day has an end.
local function write_counters(key, added)
  if not added.fields then return end
  redis.call('HSET', key, unpack(added.fields))
  if added.is_new then redis.call('EXPIRE', key, USAGE_SECONDS) end
end

-- Answers whether the day's usage and totals are damaged.
local function write_charge(keys, day, id, now, account, r, entry, was_pending)
  entry.rsv, entry.key, entry.model, entry.n, entry.delivered = id, r.key, r.model, r.n, r.delivered
  entry.unit, entry.src, entry.ver = r.unit, r.src, r.ver
  local units = entry.units or 0
  local usage, totals = added_usage(day.usage, r, units), added_total(day.totals, r, units)
  append_ledger(keys[4], account, now, entry)
  write_counters(day.usage, usage)
  write_counters(day.totals, totals)
  write_account(account, now, r.key, 'bal', 'held', 'owed', 'seq')
  write_short_record(r)
  if was_pending then redis.call('ZREM', keys[3], id) end
  return usage.damaged, totals.damaged
end

-- Gives back all; shared with release.
local function write_release(keys, id, now, account, r, was_pending)
  r.state = 'R'
  if was_pending then
    give_back(account, r)
    check_money(account)
    write_account(account, now, r.key, 'held')
    redis.call('ZREM', keys[3], id)
  end
  write_short_record(r)
end

-- What a record that has ended already answers to another settlement.
local function settle_again(r, delivered)
  local same = (r.state == 'R' and delivered == 0) or
    ((r.state == 'S' or r.state == 'L') and r.delivered == delivered)
  if not same then return resolved(r) end
  return {'REPLAY', reservation_answer(r)}
end

local function settle(keys, args)
  local id = args[2] .. '.' .. args[3]
  local delivered = integer(args[4])
  local r = read_reservation(keys[2])
  if not r then return {'RESERVATION_FORGOTTEN', '0'} end
  if r.state ~= 'P' and r.state ~= 'E' then return settle_again(r, delivered) end
  if delivered > r.n then return {'DELIVERED_COUNT_TOO_LARGE', '0', text(r.n)} end
  local account = read_account(keys[1], r.key)
  if not account then error('the account of this reservation is gone') end
  redis.call('ZCARD', keys[3])
  local now = clock(args[1], account.last_us)
  local was_pending = r.state == 'P'
  if delivered == 0 then
    write_release(keys, id, now, account, r, was_pending)
    return {'OK', reservation_answer(r)}
  end
  r.delivered = delivered
  r.state = was_pending and 'S' or 'L'
  if r.passed_on then
    write_short_record(r)
    return {'PASSED_ON', reservation_answer(r)}
  end
  local day = keys_of_day(keys, args, now)
  if not day then return {'DAY', '0', text(now)} end
  local entry = (was_pending and charge_in_time or charge_late)(account, r)
  check_money(account)
  account.seq = account.seq + 1
  r.seq = account.seq
  local usage_damaged, totals_damaged = write_charge(keys, day, id, now, account, r, entry, was_pending)
  local answer = {'OK', reservation_answer(r)}
  if usage_damaged then answer[#answer + 1] = 'usage' end
  if totals_damaged then answer[#answer + 1] = 'totals' end
  return answer
end

redis.register_function{function_name = '@LIBRARY@_settle', callback = settle, flags = {'allow-oom'}}
