-- The audit log: a stream for each kind of entry, so that many of one kind push out no other. They are numbered as
-- one: an entry's ID is above those of all others, so that merged by ID they stand in the order in which they were
-- written. Part of each library that writes to it. In each stream: entry -> serialized AuditEntry without ID and time,
-- which are the stream's.

local AUDIT_CATALOG = '{catalog}:audit'
local AUDIT_OPERATORS = '{catalog}:audit:operators'
local AUDIT_SWITCHES = '{catalog}:audit:switches'
-- What everybody who has a password can write as often as they like, and strangers too.
local AUDIT_SESSIONS = '{catalog}:audit:sessions'
local AUDIT_STREAMS = {AUDIT_CATALOG, AUDIT_OPERATORS, AUDIT_SWITCHES, AUDIT_SESSIONS}
-- Of each.
local AUDIT_MAX = 10000

-- An ID's two numbers; 0 for none. Milliseconds are far below 2^53, so that doubles hold them exactly.
local function audit_id(text)
  local ms, number = string.match(text or '', '^(%d+)-(%d+)$')
  return tonumber(ms) or 0, tonumber(number) or 0
end

local function audit_is_after(a, b)
  local a_ms, a_number = audit_id(a)
  local b_ms, b_number = audit_id(b)
  if a_ms ~= b_ms then return a_ms > b_ms end
  return a_number > b_number
end

-- At most `count` elements of a stream, newest first, from an ID on; none of what is no stream.
local function audit_read(stream, from, count)
  local found = redis.pcall('XREVRANGE', stream, from, '-', 'COUNT', count)
  return found.err and {} or found
end

local function audit_next_id()
  local time = redis.call('TIME')
  local ms, number = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), 0
  for _, stream in ipairs(AUDIT_STREAMS) do
    local newest = audit_read(stream, '+', 1)[1]
    local last_ms, last_number = audit_id(newest and newest[1])
    -- Also where the clock was put back.
    if last_ms > ms or (last_ms == ms and last_number >= number) then ms, number = last_ms, last_number + 1 end
  end
  return string.format('%.0f-%.0f', ms, number)
end

-- Adds an entry. Before all else that a function writes: it alone may be refused, and nothing is taken back.
local function audit_note(stream, entry)
  local kind = redis.call('TYPE', stream).ok
  if kind ~= 'stream' and kind ~= 'none' then redis.call('DEL', stream) end
  redis.call('XADD', stream, 'MAXLEN', '~', AUDIT_MAX, audit_next_id(), 'entry', entry)
end
