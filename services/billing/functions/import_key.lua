-- Importing a key takes three steps, since its hash names the account's slot only through a mapping that has a
-- slot of its own: reserve_import takes a number for the hash, the caller sets the mapping
-- `apikey:<hash>` where there is none, and import_key stores the key. Each repeats without harm, so that a call
-- that broke in between is finished by the next.
--
-- reserve_import
--   KEYS  acct, imp
--   ARGV  1 now
--   Answers {"OK", number} or {"ACCOUNT_NOT_FOUND", "0"}.
-- import_key
--   KEYS  acct, key, audit
--   ARGV  1 now, 2 key ID, 3 SHA-256 of the API key, 4 life in microseconds (0: for ever), 5 requests a minute,
--         6 images a minute, 7 concurrency ("": unlimited), 8 models, a line each ("": all), 9 actor
--   Answers {"OK" or "REPLAY", key (9)} or {"ACCOUNT_NOT_FOUND", "0"}. A key that is there stays as it is.

local function reserve_import(keys)
  local account = read_account(keys[1], '')
  local number = redis.call('GET', keys[2])
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  if number then return {'OK', number} end
  number = text(account.key_seq + 1)
  redis.call('HSET', keys[1], 'key_seq', number)
  redis.call('SET', keys[2], number)
  return {'OK', number}
end

local function import_key(keys, args)
  local account = read_account(keys[1], args[2])
  local known = read_key(keys[2])
  prove_audit(keys)
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  if known then return {'REPLAY', key_answer(known, account.key_cc)} end
  local now = clock(args[1], account.last_us)
  local life_us = integer(args[4])
  local fields = with_limits({'state', 'active', 'hash', args[3], 'create_us', text(now), 'imported', '1',
    'expire_us', text(life_us > 0 and now + life_us or 0), 'models', args[8]}, args[5], args[6], args[7])
  append_audit(keys, now, new_key_entry('key.import', args[9], keys[2], fields))
  redis.call('HSET', keys[2], unpack(fields))
  return {'OK', key_answer(read_key(keys[2]), 0)}
end

redis.register_function{function_name = '@LIBRARY@_reserve_import', callback = reserve_import}
redis.register_function{function_name = '@LIBRARY@_import_key', callback = import_key}
