-- settle: charges what was delivered and gives back the rest of the hold and the slots. 0 is a release.
--
-- KEYS  acct, rsv, due, led
-- ARGV  1 now, 2 account, 3 attempt, 4 delivered
-- Answers {"OK", "REPLAY" or "PASSED_ON", reservation (12)}, or a refusal: RESERVATION_FORGOTTEN,
-- DELIVERED_COUNT_TOO_LARGE (n), RESERVATION_RESOLVED (state, delivered, charge).
--
-- The record's state decides, not the clock: a hold that is past its time and was not expired yet is still
-- there, so it is settled in time. After expiry the charge takes what is free in the wallet and books the
-- rest as owed; when the idempotency key has passed to another attempt it charges nothing (PASSED_ON).

-- Takes `charge` from what is free; what is missing is owed, up to what the format holds.
local function charge_late(account, r, charge)
  local taken = math.min(charge, account.bal - account.held)
  local owed = math.min(charge - taken, MONEY_MAX - account.owed)
  account.bal = account.bal - taken
  account.owed = account.owed + owed
  r.charge = taken + owed
  return {type = 'late_charge', amount = 0 - taken, owed_change = owed}
end

local function charge_in_time(account, r, charge)
  give_back(account, r)
  account.bal = account.bal - charge
  r.charge = charge
  return {type = 'charge', amount = 0 - charge, owed_change = 0}
end

local function write_charge(keys, id, now, account, r, entry, was_pending)
  entry.rsv, entry.key, entry.model, entry.n, entry.delivered = id, r.key, r.model, r.n, r.delivered
  entry.unit, entry.src, entry.ver = r.unit, r.src, r.ver
  append_ledger(keys[4], account, now, entry)
  write_account(account, now, r.key, 'bal', 'held', 'owed', 'seq')
  write_short_record(r)
  if was_pending then redis.call('ZREM', keys[3], id) end
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
  local charge = was_pending and charge_in_time or charge_late
  local entry = charge(account, r, r.unit * delivered)
  check_money(account)
  account.seq = account.seq + 1
  r.seq = account.seq
  write_charge(keys, id, now, account, r, entry, was_pending)
  return {'OK', reservation_answer(r)}
end

redis.register_function{function_name = '@LIBRARY@_settle', callback = settle, flags = {'allow-oom'}}
