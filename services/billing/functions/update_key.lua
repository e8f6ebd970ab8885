-- update_key: changes limits, models or expiry of a key; what is not named stays.
--
-- KEYS  acct, key, settings audit
-- ARGV  1 now, 2 key ID, 3 requests a minute, 4 images a minute, 5 concurrency (each: "" stays, "-" unlimited),
--       6 life from now in microseconds ("": stays, 0: for ever), 7 whether models change (1), 8 models, a line
--       each ("": all), 9 actor
-- Answers {"OK", key (9)} or {"KEY_NOT_FOUND", "0"}.

local function update_key(keys, args)
  local account = read_account(keys[1], args[2])
  local key = read_key(keys[2])
  prove_audit(keys)
  if not account or not key then return {'KEY_NOT_FOUND', '0'} end
  local now = clock(args[1], account.last_us)
  local was = key_picture(key)
  local set, gone = limit_changes(key, args[3], args[4], args[5])
  local life_us = integer(args[6])
  if life_us then
    key.expire_us = life_us > 0 and now + life_us or 0
    set[#set + 1] = 'expire_us'
    set[#set + 1] = text(key.expire_us)
  end
  if args[7] == '1' then
    key.models = args[8]
    set[#set + 1] = 'models'
    set[#set + 1] = key.models
  end
  append_audit(keys, now, {action = 'key.update', actor = args[9], target = args[2],
    changes = differences(KEY_PATHS, was, key_picture(key))})
  write_fields(keys[2], set, gone)
  return {'OK', key_answer(key, account.key_cc)}
end

redis.register_function{function_name = '@LIBRARY@_update_key', callback = update_key}
