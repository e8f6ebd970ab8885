-- release: gives a whole hold and its slots back; charges nothing.
--
-- KEYS  acct, rsv, due
-- ARGV  1 now, 2 account, 3 attempt
-- Answers {"OK" or "REPLAY", reservation (12)}, or RESERVATION_RESOLVED (state, delivered, charge) when it
-- was settled. An unknown attempt of an account that exists leaves a released record, so that an admission
-- which arrives later is refused; of an unknown account it leaves nothing.

local function release(keys, args)
  local id = args[2] .. '.' .. args[3]
  local r = read_reservation(keys[2])
  local account = read_account(keys[1], r and r.key or '')
  redis.call('ZCARD', keys[3])
  local now = clock(args[1], account and account.last_us)
  if not r then
    r = {name = keys[2], state = 'R', fingerprint = '', key = '', has_idem = false, delivered = 0, charge = 0,
      seq = 0}
    if account then write_short_record(r) end
    return {'OK', reservation_answer(r)}
  end
  if r.state == 'S' or r.state == 'L' then return resolved(r) end
  if r.state == 'R' then return {'REPLAY', reservation_answer(r)} end
  if not account then error('the account of this reservation is gone') end
  local was_pending = r.state == 'P'
  write_release(keys, id, now, account, r, was_pending)
  return {was_pending and 'OK' or 'REPLAY', reservation_answer(r)}
end

redis.register_function{function_name = '@LIBRARY@_release', callback = release, flags = {'allow-oom'}}
