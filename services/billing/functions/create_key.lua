-- create_key: stores a new key, whose number the caller proposes, since the number is part of the secret's
-- text and of the key's name.
--
-- KEYS  acct, key, audit
-- ARGV  1 now, 2 number, 3 SHA-256 of the API key, 4 life in microseconds (0: for ever), 5 requests a minute,
--       6 images a minute, 7 concurrency ("": unlimited), 8 models, a line each ("": all), 9 actor
-- Answers {"OK", key (9)}, {"TAKEN", "0", highest number} when the number is not the next, or
-- {"ACCOUNT_NOT_FOUND", "0"}.

local function create_key(keys, args)
  local account = read_account(keys[1], '')
  prove_audit(keys)
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  local number = integer(args[2])
  if number ~= account.key_seq + 1 or redis.call('EXISTS', keys[2]) == 1 then
    return {'TAKEN', '0', text(account.key_seq)}
  end
  local now = clock(args[1], account.last_us)
  local life_us = integer(args[4])
  local fields = with_limits({'state', 'active', 'hash', args[3], 'create_us', text(now),
    'expire_us', text(life_us > 0 and now + life_us or 0), 'models', args[8]}, args[5], args[6], args[7])
  append_audit(keys, now, new_key_entry('key.create', args[9], keys[2], fields))
  redis.call('HSET', keys[2], unpack(fields))
  redis.call('HSET', keys[1], 'key_seq', text(number))
  return {'OK', key_answer(read_key(keys[2]), 0)}
end

redis.register_function{function_name = '@LIBRARY@_create_key', callback = create_key}
