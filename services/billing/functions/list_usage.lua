-- list_usage: what was used on some days.
--
-- KEYS  acct, then use of each day
-- ARGV  1 now, 2 fields at most
-- Answers {"OK", {field, value, ...} of each day, ...}, with "DAMAGED" for a day whose key is no hash; {"TOO_MANY", "0"}
-- before it reads more fields than that; or {"ACCOUNT_NOT_FOUND", "0"}.

local function list_usage(keys, args)
  if redis.call('EXISTS', keys[1]) == 0 then return {'ACCOUNT_NOT_FOUND', '0'} end
  local fields, answer = 0, {'OK'}
  for i = 2, #keys do
    local length = redis.pcall('HLEN', keys[i])
    if type(length) == 'table' then
      answer[i] = 'DAMAGED'
    else
      fields = fields + length
    end
  end
  if fields > integer(args[2]) then return {'TOO_MANY', '0'} end
  for i = 2, #keys do answer[i] = answer[i] or redis.call('HGETALL', keys[i]) end
  return answer
end

redis.register_function{function_name = '@LIBRARY@_list_usage', callback = list_usage, flags = {'no-writes'}}
