-- due: the holds of one bucket whose time has come, oldest first.
--
-- KEYS  due
-- ARGV  1 now, 2 how many at most
-- Answers {"OK", "<account>.<uuid>", ...}.

local function due(keys, args)
  local now = clock(args[1], nil)
  local ids = redis.call('ZRANGE', keys[1], '-inf', text(now), 'BYSCORE', 'LIMIT', '0', args[2])
  return {'OK', unpack(ids)}
end

redis.register_function{function_name = '@LIBRARY@_due', callback = due, flags = {'no-writes'}}
