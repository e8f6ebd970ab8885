-- Operators, their sessions, and failed logins; and the audit log's reading. All keys share the hash tag {catalog}.
--
--   {catalog}:operators        hash: name -> record `1 role disabled created_us login_us initial hash`:
--                              the role's number, 0 or 1, Unix microseconds, 0 or 1, argon2id's own text
--   {catalog}:session:<sha>    `name expire_us idle_expire_us`, gone when it expires; <sha> is the token's
--                              SHA-256 in hex
--   {catalog}:sessions:<name>  hash: sha -> expire_us, to end them all; may name some that are over
--   {catalog}:login:...        when the last logins failed, Unix microseconds, oldest first, `a b c?`; with the mark
--                              the password is being looked at yet
--   {catalog}:audit...         see audit.lua
--
-- Microseconds are below 2^53 until the year 2255, so Lua's doubles hold them exactly.

local OPERATORS_MAX = 1000
-- Of one operator; beyond, the one that ends first is ended.
local SESSIONS_MAX = 100
local OWNER = '3'
-- How long somebody waits who is refused for those alone whose passwords are being looked at.
local BUSY_WAIT_US = 1000000

local function whole(number)
  return string.format('%.0f', number)
end

local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function session_key(sha)
  return '{catalog}:session:' .. sha
end

local function sessions_key(name)
  return '{catalog}:sessions:' .. name
end

-- A record's fields; nil for nothing, and for what is no record.
local function read(record)
  if not record then return nil end
  local role, disabled, created, login, initial, hash =
    string.match(record, '^1 (%d) ([01]) (%d+) (%d+) ([01]) (%S+)$')
  if not role then return nil end
  return {role = role, disabled = disabled, created = created, login = login, initial = initial, hash = hash}
end

local function write(key, name, operator)
  local record = table.concat({'1', operator.role, operator.disabled, operator.created, operator.login,
                               operator.initial, operator.hash}, ' ')
  redis.call('HSET', key, name, record)
  return record
end

-- Notes what happens often: at most one a minute of the same mark.
local function note_once_a_minute(mark, entry)
  if redis.call('EXISTS', mark) == 1 then return end
  audit_note(AUDIT_SESSIONS, entry)
  redis.call('SET', mark, '1', 'PX', '60000')
end

-- Ends the sessions of an operator, but for `kept`.
local function end_sessions(name, kept)
  for _, sha in ipairs(redis.call('HKEYS', sessions_key(name))) do
    if sha ~= kept then
      redis.call('DEL', session_key(sha))
      redis.call('HDEL', sessions_key(name), sha)
    end
  end
end

-- Forgets the sessions that are over, and makes room for one more.
local function tidy_sessions(name, now)
  local list = redis.call('HGETALL', sessions_key(name))
  local left = {}
  for i = 1, #list, 2 do
    local expire = tonumber(list[i + 1])
    if expire <= now or redis.call('EXISTS', session_key(list[i])) == 0 then
      redis.call('HDEL', sessions_key(name), list[i])
    else
      left[#left + 1] = {sha = list[i], expire = expire}
    end
  end
  table.sort(left, function(a, b) return a.expire < b.expire end)
  for i = 1, #left - SESSIONS_MAX + 1 do
    redis.call('DEL', session_key(left[i].sha))
    redis.call('HDEL', sessions_key(name), left[i].sha)
  end
end

-- The attempts at this key that count still, oldest first: {at, busy}, the latter while the password is being
-- looked at.
local function attempts(key, now, window)
  local list = {}
  for text, mark in string.gmatch(redis.call('GET', key) or '', '(%d+)(%??)') do
    local at = tonumber(text)
    if at > now - window then list[#list + 1] = {at = at, busy = mark == '?'} end
  end
  return list
end

local function write_attempts(key, list, window)
  local texts = {}
  for i, attempt in ipairs(list) do texts[i] = whole(attempt.at) .. (attempt.busy and '?' or '') end
  if #texts == 0 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, table.concat(texts, ' '), 'PX', whole(math.ceil(window / 1000)))
  end
end

-- How long until one more may be made; 0 when it may now.
local function wait_us(list, now, window, max)
  if #list < max then return 0 end
  local failed = {}
  for _, attempt in ipairs(list) do
    if not attempt.busy then failed[#failed + 1] = attempt.at end
  end
  if #failed < max then return BUSY_WAIT_US end
  return failed[#failed - max + 1] + window - now
end

-- Ends one attempt that was made at this time, as a failure or as if it had not been.
local function end_attempt(key, at, window, has_failed)
  local left, ended = {}, false
  for _, attempt in ipairs(attempts(key, now_us(), window)) do
    local is_it = not ended and attempt.busy and attempt.at == at
    ended = ended or is_it
    if is_it then attempt.busy = false end
    if not is_it or has_failed then left[#left + 1] = attempt end
  end
  write_attempts(key, left, window)
end

-- Leaves the attempts that are under way.
local function forget_failures(key, now, window)
  local busy = {}
  for _, attempt in ipairs(attempts(key, now, window)) do
    if attempt.busy then busy[#busy + 1] = attempt end
  end
  write_attempts(key, busy, window)
end

-- Before a password is looked at: who is it, and may it be tried? If so the attempt is counted, as a failure until
-- it ends, so that many at once are no more than may be made one after the other.
--   KEYS: operators, then counters
--   ARGV: name, window in us, then each counter's maximum
-- Returns {record or '', us to wait, 0 for none, when the attempt was made}.
local function attempt(keys, args)
  local now, window, wait = now_us(), tonumber(args[2]), 0
  local lists = {}
  for i = 2, #keys do
    lists[i] = attempts(keys[i], now, window)
    wait = math.max(wait, wait_us(lists[i], now, window, tonumber(args[i + 1])))
  end
  for i = 2, wait > 0 and 1 or #keys do
    table.insert(lists[i], {at = now, busy = true})
    write_attempts(keys[i], lists[i], window)
  end
  return {redis.call('HGET', keys[1], args[1]) or '', whole(wait), whole(now)}
end

-- A password was wrong. Notes at most one a minute of a name.
--   KEYS: the mark that one was noted, then counters
--   ARGV: entry, window in us, when the attempt was made
local function fail(keys, args)
  note_once_a_minute(keys[1], args[1])
  for i = 2, #keys do end_attempt(keys[i], tonumber(args[3]), tonumber(args[2]), true) end
  return 1
end

-- The password was not looked at, or it was right and nothing else ends the attempt.
--   KEYS: counters
--   ARGV: window in us, when the attempt was made
local function give_back(keys, args)
  for i = 1, #keys do end_attempt(keys[i], tonumber(args[2]), tonumber(args[1]), false) end
  return 1
end

-- Opens a session, if the password that was looked at is still the operator's. Ends the attempt, and forgets the
-- failures of the name; attempts of others that are under way still count.
--   KEYS: operators, the mark that one was noted, the session, then counters, the name's first
--   ARGV: name, the hash that was looked at, sha, lifetime and idle time in us, entry, window in us, when the attempt
--         was made
-- Returns {record, expire_us, idle_expire_us}, or {} when name and password no longer let in.
local function open(keys, args)
  local operator = read(redis.call('HGET', keys[1], args[1]))
  if not operator or operator.hash ~= args[2] or operator.disabled == '1' then return {} end
  local now = now_us()
  local expire = now + tonumber(args[4])
  local idle = math.min(now + tonumber(args[5]), expire)
  note_once_a_minute(keys[2], args[6])
  local window, at = tonumber(args[7]), tonumber(args[8])
  for i = 4, #keys do end_attempt(keys[i], at, window, false) end
  if keys[4] then forget_failures(keys[4], now, window) end
  tidy_sessions(args[1], now)
  redis.call('SET', keys[3], table.concat({args[1], whole(expire), whole(idle)}, ' '), 'PXAT',
             whole(math.ceil(idle / 1000)))
  redis.call('HSET', sessions_key(args[1]), args[3], whole(expire))
  operator.login = whole(now)
  return {write(keys[1], args[1], operator), whole(expire), whole(idle)}
end

-- Whose session it is. Its idle time begins anew, written only when that adds enough to be worth it.
--   KEYS: operators, the session
--   ARGV: idle time in us, the least worth writing in us
-- Returns {name, record, expire_us, idle_expire_us}, or {} when there is none.
local function session(keys, args)
  local name, expire_text, idle_text =
    string.match(redis.call('GET', keys[2]) or '', '^(%S+) (%d+) (%d+)$')
  if not name then return {} end
  local record = redis.call('HGET', keys[1], name)
  local operator = read(record)
  local now, expire, idle = now_us(), tonumber(expire_text), tonumber(idle_text)
  if not operator or operator.disabled == '1' or idle <= now then return {} end
  local renewed = math.min(now + tonumber(args[1]), expire)
  if renewed - idle >= tonumber(args[2]) then
    idle = renewed
    redis.call('SET', keys[2], table.concat({name, expire_text, whole(idle)}, ' '), 'PXAT',
               whole(math.ceil(idle / 1000)))
  end
  return {name, record, expire_text, whole(idle)}
end

-- Ends one session; nothing happens when there is none.
--   KEYS: the mark that one was noted, the session
--   ARGV: sha, entry, whose it is
-- Returns 1 when it ended one.
local function close(keys, args)
  local name = string.match(redis.call('GET', keys[2]) or '', '^(%S+) ')
  if not name or name ~= args[3] then return 0 end
  note_once_a_minute(keys[1], args[2])
  redis.call('DEL', keys[2])
  redis.call('HDEL', sessions_key(name), args[1])
  return 1
end

local function is_owner(operator)
  return operator.role == OWNER and operator.disabled == '0'
end

local function other_owner(key, name)
  local list = redis.call('HGETALL', key)
  for i = 1, #list, 2 do
    local operator = read(list[i + 1])
    if list[i] ~= name and operator and is_owner(operator) then return true end
  end
  return false
end

-- A login in between changes nothing that matters.
local function same(a, b)
  return a and b and a.role == b.role and a.disabled == b.disabled and a.initial == b.initial and a.hash == b.hash
end

-- Makes or changes an operator, if it still is as the caller knows it.
--   KEYS: operators
--   ARGV: name, its record as known or '', role, disabled, initial, hash,
--         sessions to end: 'none', 'all' or the sha of the one that stays, entry,
--         1: the operator does it, so the entry stands with those of sessions
-- Returns {'done', record}, {'changed', record or ''}, {'last_owner', ''} or {'full', ''}.
local function put(keys, args)
  local name, known = args[1], args[2]
  local record = redis.call('HGET', keys[1], name)
  local before = read(record)
  if known == '' and record or known ~= '' and not same(before, read(known)) then
    return {'changed', record or ''}
  end
  if not record and redis.call('HLEN', keys[1]) >= OPERATORS_MAX then return {'full', ''} end
  local after = {role = args[3], disabled = args[4], initial = args[5], hash = args[6],
                 created = before and before.created or whole(now_us()), login = before and before.login or '0'}
  if before and is_owner(before) and not is_owner(after) and not other_owner(keys[1], name) then
    return {'last_owner', ''}
  end
  audit_note(args[9] == '1' and AUDIT_SESSIONS or AUDIT_OPERATORS, args[8])
  local written = write(keys[1], name, after)
  if args[7] ~= 'none' then end_sessions(name, args[7]) end
  return {'done', written}
end

-- Makes the first operator, where there is none.
--   KEYS: operators
--   ARGV: name, hash, entry
-- Returns 1 when the operator of that name has this hash now, also by an earlier call; else 0.
local function first(keys, args)
  if redis.call('HLEN', keys[1]) == 0 then
    audit_note(AUDIT_OPERATORS, args[3])
    write(keys[1], args[1], {role = OWNER, disabled = '0', created = whole(now_us()), login = '0', initial = '1',
                             hash = args[2]})
    return 1
  end
  local operator = read(redis.call('HGET', keys[1], args[1]))
  return operator and operator.hash == args[2] and 1 or 0
end

-- The audit log's entries, newest first, in one look: what is written meanwhile is on no page or on this one.
--   KEYS: the catalog's stream, which has the others beside it
--   ARGV: an ID as XREVRANGE takes it, how many
-- Returns elements as XREVRANGE does.
local function audit(keys, args)
  local merged = {}
  for _, stream in ipairs(AUDIT_STREAMS) do
    for _, element in ipairs(audit_read(stream, args[1], args[2])) do merged[#merged + 1] = element end
  end
  table.sort(merged, function(a, b) return audit_is_after(a[1], b[1]) end)
  for i = #merged, tonumber(args[2]) + 1, -1 do merged[i] = nil end
  return merged
end

redis.register_function{function_name = '@LIBRARY@_audit', callback = audit, flags = {'no-writes'}}
redis.register_function('@LIBRARY@_attempt', attempt)
redis.register_function('@LIBRARY@_fail', fail)
redis.register_function('@LIBRARY@_give_back', give_back)
redis.register_function('@LIBRARY@_open', open)
-- Those that take rights away, or show them, work in a Redis that is full as well.
redis.register_function{function_name = '@LIBRARY@_session', callback = session, flags = {'allow-oom'}}
redis.register_function{function_name = '@LIBRARY@_close', callback = close, flags = {'allow-oom'}}
redis.register_function{function_name = '@LIBRARY@_put', callback = put, flags = {'allow-oom'}}
redis.register_function('@LIBRARY@_first', first)
