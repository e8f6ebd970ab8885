-- expire: ends one hold whose time has come. Idempotent; any replica may call it.
--
-- KEYS  acct, rsv, due
-- ARGV  1 now, 2 account, 3 attempt
-- Answers {"OK"}, {"EARLY"} before its time, or {"GONE"} when there is no such hold (any more); then it is
-- taken off the list. The whole record stays for a day, so that it can be settled late.

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
  if now < r.end_us then return {'EARLY'} end
  give_back(account, r)
  check_money(account)
  r.state = 'E'
  write_account(account, now, r.key, 'held')
  redis.call('SET', r.name, whole_record(r), 'PX', text(DAY_MS))
  redis.call('ZREM', keys[3], id)
  return {'OK'}
end

redis.register_function{function_name = '@LIBRARY@_expire', callback = expire, flags = {'allow-oom'}}
