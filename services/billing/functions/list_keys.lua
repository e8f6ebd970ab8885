-- list_keys: reads keys of one account.
--
-- KEYS  acct, then the keys wanted
-- ARGV  1 now, then their key IDs
-- Answers {"OK", highest number, {key (9)}, ...}; an empty array for one that is not there.

local function list_keys(keys, args)
  local account = read_account(keys[1], '')
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  local answer = {'OK', text(account.key_seq)}
  for i = 2, #keys do
    local key = read_key(keys[i])
    local running = redis.call('HGET', keys[1], concurrency_field(args[i]))
    answer[#answer + 1] = key and {key_answer(key, integer(running) or 0)} or {}
  end
  return answer
end

redis.register_function{function_name = '@LIBRARY@_list_keys', callback = list_keys, flags = {'no-writes'}}
