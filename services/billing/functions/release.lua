-- release: gives a whole hold and its slots back; charges nothing.
--
-- KEYS  acct, rsv, due, then key (when ARGV[4] is given)
-- ARGV  1 now, 2 account, 3 attempt, 4 key ID or "" (the reservation was named by its ID), 5 SHA-256 of the API key
-- Answers {"OK" or "REPLAY", reservation (14)}, or RESERVATION_RESOLVED (state, delivered, charge) when it
-- was settled, INVALID_API_KEY for another secret, IDEMPOTENCY_KEY_REUSED when another key made the attempt. A key
-- that was revoked or has expired may still give back. An unknown attempt of an account that exists leaves a
-- released record, so that an admission which arrives later is refused; of an unknown account it leaves nothing.

local function release(keys, args)
  local id = args[2] .. '.' .. args[3]
  local r = read_reservation(keys[2])
  local account = read_account(keys[1], r and r.key or '')
  redis.call('ZCARD', keys[3])
  local key_id = args[4]
  local key = key_id ~= '' and read_key(keys[4]) or nil
  local refusal = key_id ~= '' and unknown_caller(account, key, key_id, args[5])
  if refusal then return refusal end
  local now = clock(args[1], account and account.last_us)
  if not r then
    r = {name = keys[2], state = 'R', fingerprint = '', key = '', has_idem = false, delivered = 0, charge = 0,
      seq = 0}
    if account then write_short_record(r) end
    return {'OK', reservation_answer(r)}
  end
  if key and r.fingerprint ~= '' and r.key ~= key_id then return {'IDEMPOTENCY_KEY_REUSED', '0'} end
  if r.state == 'S' or r.state == 'L' then return resolved(r) end
  if r.state == 'R' then return {'REPLAY', reservation_answer(r)} end
  if not account then error('the account of this reservation is gone') end
  local was_pending = r.state == 'P'
  write_release(keys, id, now, account, r, was_pending)
  return {was_pending and 'OK' or 'REPLAY', reservation_answer(r)}
end

redis.register_function{function_name = '@LIBRARY@_release', callback = release, flags = {'allow-oom'}}
