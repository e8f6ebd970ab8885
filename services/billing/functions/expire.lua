-- expire: ends one hold whose time has come. Idempotent; any replica may call it.
--
-- KEYS  acct, rsv, due
-- ARGV  1 now, 2 account, 3 attempt
-- Answers {"OK"}, {"EARLY"} before its time, {"CUT"} when its time was too far ahead, since the clock was ahead when
-- it was made: now it ends a hold's length from now; or {"GONE"} when there is no such hold (any more); then it
-- is taken off the list. The whole record stays for a day, so that it can be settled late, but no longer than
-- the idempotency key which tells that the attempt was made again.

local function expired_life_ms(r, now)
  if not r.has_idem then return DAY_MS end
  local left_ms = math.floor((r.create_us - now) / 1000) + IDEMPOTENCY_MS
  return math.max(1, math.min(DAY_MS, left_ms))
end

local function cut(due, id, r, now)
  r.create_us, r.end_us = now, now + HOLD_US
  redis.call('SET', r.name, whole_record(r))
  redis.call('ZADD', due, text(r.end_us), id)
  return {'CUT'}
end

local function expire(keys, args)
  local id = args[2] .. '.' .. args[3]
  local r = read_reservation(keys[2])
  redis.call('ZCARD', keys[3])
  local account = read_account(keys[1], r and r.key or '')
  if not r or r.state ~= 'P' or not account then
    redis.call('ZREM', keys[3], id)
    return {'GONE'}
  end
  local now = clock(args[1], account.last_us)
  if is_too_far_ahead(r.end_us, now) then return cut(keys[3], id, r, now) end
  if now < r.end_us then return {'EARLY'} end
  give_back(account, r)
  check_money(account)
  r.state = 'E'
  write_account(account, now, r.key, 'held')
  redis.call('SET', r.name, whole_record(r), 'PX', text(expired_life_ms(r, now)))
  redis.call('ZREM', keys[3], id)
  return {'OK'}
end

redis.register_function{function_name = '@LIBRARY@_expire', callback = expire, flags = {'allow-oom'}}
