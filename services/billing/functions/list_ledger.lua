-- list_ledger: entries of one account in order. Where the first ones were trimmed, the entry that stands for them
-- comes first.
--
-- KEYS  acct, led, fwd
-- ARGV  1 now, 2 after this sequence, 3 how many at most
-- Answers {"OK", {ID, {field, value, ...}}, ...} or {"ACCOUNT_NOT_FOUND", "0"}.

local function list_ledger(keys, args)
  if redis.call('EXISTS', keys[1]) == 0 then return {'ACCOUNT_NOT_FOUND', '0'} end
  local after = '(' .. args[2] .. '-0'
  local answer = redis.call('XRANGE', keys[3], after, '+')
  local entries = redis.call('XRANGE', keys[2], after, '+', 'COUNT', integer(args[3]) - #answer)
  for _, entry in ipairs(entries) do answer[#answer + 1] = entry end
  return {'OK', unpack(answer)}
end

redis.register_function{
  function_name = '@LIBRARY@_list_ledger', callback = list_ledger, flags = {'no-writes'}}
