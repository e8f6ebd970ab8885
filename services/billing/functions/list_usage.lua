-- list_usage: what was used on some days.
--
-- KEYS  acct, then use of each day
-- ARGV  1 now
-- Answers {"OK", {field, value, ...} of each day, ...} or {"ACCOUNT_NOT_FOUND", "0"}.

local function list_usage(keys)
  if redis.call('EXISTS', keys[1]) == 0 then return {'ACCOUNT_NOT_FOUND', '0'} end
  local answer = {'OK'}
  for i = 2, #keys do answer[i] = redis.call('HGETALL', keys[i]) end
  return answer
end

redis.register_function{function_name = '@LIBRARY@_list_usage', callback = list_usage, flags = {'no-writes'}}
