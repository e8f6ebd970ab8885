-- list_ledger: entries of one account in order.
--
-- KEYS  acct, led
-- ARGV  1 now, 2 after this sequence, 3 how many at most
-- Answers {"OK", {ID, {field, value, ...}}, ...} or {"ACCOUNT_NOT_FOUND", "0"}.

local function list_ledger(keys, args)
  if redis.call('EXISTS', keys[1]) == 0 then return {'ACCOUNT_NOT_FOUND', '0'} end
  local entries = redis.call('XRANGE', keys[2], '(' .. args[2] .. '-0', '+', 'COUNT', args[3])
  return {'OK', unpack(entries)}
end

redis.register_function{
  function_name = '@LIBRARY@_list_ledger', callback = list_ledger, flags = {'no-writes'}}
