-- due: the holds of one bucket whose time has come, oldest first, and those whose time is further ahead than a hold
-- is long (see expire).
--
-- KEYS  due
-- ARGV  1 now, 2 how many at most
-- Answers {"OK", "<account>.<uuid>", ...}.

local function due(keys, args)
  local now = clock(args[1], nil)
  local ids = redis.call('ZRANGE', keys[1], '-inf', text(now), 'BYSCORE', 'LIMIT', '0', args[2])
  local ahead = redis.call('ZRANGE', keys[1], '+inf', '(' .. text(now + HOLD_US + STEP_BACK_US), 'BYSCORE', 'REV',
    'LIMIT', '0', args[2])
  for _, id in ipairs(ahead) do ids[#ids + 1] = id end
  return {'OK', unpack(ids)}
end

redis.register_function{function_name = '@LIBRARY@_due', callback = due, flags = {'no-writes'}}
