-- revoke_key: ends a key at once and for ever. What it holds is settled or released as ever.
--
-- KEYS  acct, key, audit
-- ARGV  1 now, 2 key ID, 3 actor
-- Answers {"OK" or "REPLAY", key (9)} or {"KEY_NOT_FOUND", "0"}.

local function revoke_key(keys, args)
  local account = read_account(keys[1], args[2])
  local key = read_key(keys[2])
  prove_audit(keys)
  if not account or not key then return {'KEY_NOT_FOUND', '0'} end
  if key.state == 'revoked' then return {'REPLAY', key_answer(key, account.key_cc)} end
  local was = key_picture(key)
  key.state = 'revoked'
  append_audit(keys, clock(args[1], account.last_us), {action = 'key.revoke', actor = args[3], target = args[2],
    changes = differences(KEY_PATHS, was, key_picture(key))})
  redis.call('HSET', keys[2], 'state', key.state)
  return {'OK', key_answer(key, account.key_cc)}
end

redis.register_function{function_name = '@LIBRARY@_revoke_key', callback = revoke_key, flags = {'allow-oom'}}
