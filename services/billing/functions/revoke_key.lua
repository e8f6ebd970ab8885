-- revoke_key: ends a key at once and for ever. What it holds is settled or released as ever.
--
-- KEYS  acct, key
-- ARGV  1 now, 2 key ID
-- Answers {"OK" or "REPLAY", key (9)} or {"KEY_NOT_FOUND", "0"}.

local function revoke_key(keys, args)
  local account = read_account(keys[1], args[2])
  local key = read_key(keys[2])
  if not account or not key then return {'KEY_NOT_FOUND', '0'} end
  if key.state == 'revoked' then return {'REPLAY', key_answer(key, account.key_cc)} end
  key.state = 'revoked'
  redis.call('HSET', keys[2], 'state', key.state)
  return {'OK', key_answer(key, account.key_cc)}
end

redis.register_function{function_name = '@LIBRARY@_revoke_key', callback = revoke_key, flags = {'allow-oom'}}
