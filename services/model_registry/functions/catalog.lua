-- The catalog's store. All keys share the hash tag {catalog}.
--
--   KEYS[1] {catalog}:version   the version in force, decimal
--   KEYS[2] {catalog}:contents  hash: version -> serialized Catalog; the newest, see trim
--   KEYS[3] {catalog}:meta      hash: imported (SHA-256 of the files imported last, the last first),
--                               first_import (Unix milliseconds), content (the record of the version
--                               with which the content, overrides not counted in, was changed last)
--   KEYS[4] {catalog}:records   hash: version -> serialized CatalogVersion, as long as its content is kept
--
-- The audit log is in audit.lua, which others write to as well.
--
-- Versions are Unix milliseconds, far below 2^53, so Lua's doubles hold them exactly.

-- What is kept of the past: so many versions, or as many as fit into so many bytes, since the same Redis
-- holds money; of large catalogs the newest few all the same. Versions that left the content as it was (a flipped
-- switch) are counted apart: one that is flipped to and fro must not push out what people would roll back to.
local KEPT_VERSIONS = 100
local KEPT_WITHOUT_CONTENT = 20
local KEPT_BYTES = 64 * 1024 * 1024
local KEPT_VERSIONS_MIN = 3
local VERSION_MAX = 2 ^ 53 - 1

-- Numbers of fields: CatalogVersion's, and AuditEntry's.
local RECORD_VERSION, RECORD_CONTENT_VERSION, RECORD_TIME = 1, 2, 5
local AUDIT_TARGET = 5

local function whole(number)
  return string.format('%.0f', number)
end

-- The version in force, 0 when there is none; and whether what is there is a version at all.
local function current_version(keys)
  local text = redis.pcall('GET', keys[1])
  if not text then return 0, true end
  local number = type(text) == 'string' and string.match(text, '^%d+$') and tonumber(text)
  if not number or number > VERSION_MAX then return 0, false end
  return number, true
end

-- A field's text; '' when it, or the hash, is not there.
local function field(key, name)
  local text = redis.pcall('HGET', key, name)
  return type(text) == 'string' and text or ''
end

-- Removes what stands in the place of a hash.
local function make_room(key)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end
end

local function unix_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function varint(number)
  local bytes = {}
  while number >= 128 do
    bytes[#bytes + 1] = string.char(number % 128 + 128)
    number = math.floor(number / 128)
  end
  bytes[#bytes + 1] = string.char(number)
  return table.concat(bytes)
end

-- A serialized message with one more field of protobuf, which wins over an earlier one of its number.
local function with_number(message, field_number, number)
  return message .. string.char(field_number * 8) .. varint(number)
end
local function with_text(message, field_number, text)
  return message .. string.char(field_number * 8 + 2) .. varint(#text) .. text
end

local function read_varint(bytes, at)
  local number, factor = 0, 1
  while true do
    local byte = bytes:byte(at)
    if not byte then return nil, #bytes + 1 end
    number, factor, at = number + byte % 128 * factor, factor * 128, at + 1
    if byte < 128 then return number, at end
  end
end

-- The number in a field of a serialized message, the last one counts; nil when there is none.
local function number_of(message, field_number)
  local found, at = nil, 1
  while at <= #message do
    local tag, value
    tag, at = read_varint(message, at)
    if not tag or (tag % 8 ~= 0 and tag % 8 ~= 2) then return found end
    value, at = read_varint(message, at)
    if not value then return found end
    if tag % 8 == 2 then
      at = at + value
    elseif tag == field_number * 8 then
      found = value
    end
  end
  return found
end

-- The versions that are kept, newest first; the one in force before all, and behind all what is none.
local function kept_versions(keys, in_force)
  local kind = redis.call('TYPE', keys[2]).ok
  if kind ~= 'hash' then return {} end
  local versions = redis.call('HKEYS', keys[2])
  local function rank(text)
    if text == in_force then return math.huge end
    return string.match(text, '^%d+$') and tonumber(text) or -1
  end
  table.sort(versions, function(a, b) return rank(a) > rank(b) end)
  return versions
end

-- Forgets old versions, never the one in force; and records whose content is not there.
local function trim(keys, in_force)
  local bytes, with_content, without = 0, 0, 0
  local kept = {}
  for i, version in ipairs(kept_versions(keys, in_force)) do
    bytes = bytes + redis.call('HSTRLEN', keys[2], version)
    local content_version = number_of(field(keys[4], version), RECORD_CONTENT_VERSION)
    local own = not content_version or whole(content_version) == version
    if own then with_content = with_content + 1 else without = without + 1 end
    local too_many = with_content > KEPT_VERSIONS or (not own and without > KEPT_WITHOUT_CONTENT)
    if i > 1 and (too_many or (i > KEPT_VERSIONS_MIN and bytes > KEPT_BYTES)) then
      redis.call('HDEL', keys[2], version)
    else
      kept[version] = true
    end
  end
  for _, version in ipairs(redis.call('HKEYS', keys[4])) do
    if not kept[version] then redis.call('HDEL', keys[4], version) end
  end
end

local function put(keys, version, state)
  make_room(keys[2])
  make_room(keys[3])
  make_room(keys[4])
  redis.call('HSET', keys[2], whole(version), state.content)
  redis.call('HSET', keys[4], whole(version), state.record)
  redis.call('SET', keys[1], whole(version))
  redis.call('HSET', keys[3], 'imported', state.imported, 'first_import', state.first_import,
    'content', state.content_record)
  trim(keys, whole(version))
end

-- Reads all at once. Returns {version, content or '', imported, first_import or '', Redis' time in ms,
-- 1 or, when what is there is no version, 0, its record or '', its content's record or ''}.
local function load(keys, args)
  local version, is_version = current_version(keys)
  return {
    whole(version),
    field(keys[2], whole(version)),
    field(keys[3], 'imported'),
    field(keys[3], 'first_import'),
    whole(unix_ms()),
    is_version and 1 or 0,
    field(keys[4], whole(version)),
    field(keys[3], 'content'),
  }
end

-- Reads one version that is kept.
--   ARGV: version
-- Returns {content or '', its record or '', first_import or ''}.
local function load_version(keys, args)
  return {field(keys[2], args[1]), field(keys[4], args[1]), field(keys[3], 'first_import')}
end

-- What is kept, newest first. Returns {version, its record or '', version, ...}.
local function history(keys, args)
  local listed = {}
  for _, version in ipairs(kept_versions(keys, whole((current_version(keys))))) do
    if string.match(version, '^%d+$') then
      listed[#listed + 1] = version
      listed[#listed + 1] = field(keys[4], version)
    end
  end
  return listed
end

-- Replaces the catalog if it still has the version that the caller knows, and tells the audit log.
--   ARGV: known version, imported, first_import, content, a version to be above as well,
--         the new version's record without its version and time,
--         the record of its content, or '': this version changes the content,
--         an audit entry or '', 1: its target is this version
-- Returns {1, new version, its time in ms}, or {0, version in force, 0} when somebody was faster.
local function commit_noting(stream, keys, args)
  local version = current_version(keys)
  if version ~= tonumber(args[1]) then return {0, whole(version), '0'} end
  local now = unix_ms()
  local next_version = math.max(version + 1, tonumber(args[5]) + 1, now)
  local record = with_number(with_number(args[6], RECORD_VERSION, next_version), RECORD_TIME, now)
  local content_record = args[7]
  if content_record == '' then
    record = with_number(record, RECORD_CONTENT_VERSION, next_version)
    content_record = record
  end
  -- First, since it alone may be refused, and nothing is taken back.
  if args[8] ~= '' then
    local entry = args[8]
    if args[9] == '1' then entry = with_text(entry, AUDIT_TARGET, whole(next_version)) end
    audit_note(stream, entry)
  end
  put(keys, next_version, {
    imported = args[2],
    first_import = args[3],
    content = args[4],
    record = record,
    content_record = content_record,
  })
  return {1, whole(next_version), whole(now)}
end

local function commit(keys, args)
  return commit_noting(AUDIT_CATALOG, keys, args)
end

local function flip(keys, args)
  return commit_noting(AUDIT_SWITCHES, keys, args)
end

-- Brings back a version that the store has lost (a restore, a failover).
--   ARGV: version, imported, first_import, content, its record, its content's record
-- Returns {1, version}, or {0, version in force} when that is as new or newer.
local function write_back(keys, args)
  local version = current_version(keys)
  if tonumber(args[1]) <= version then return {0, whole(version)} end
  put(keys, tonumber(args[1]), {
    imported = args[2],
    first_import = args[3],
    content = args[4],
    record = args[5],
    content_record = args[6],
  })
  return {1, args[1]}
end

-- Remembers which file was imported last, when that changed nothing else.
--   ARGV: known version, imported, the content's record
-- Returns {1, version}, or {0, version in force} when somebody was faster.
local function note_import(keys, args)
  local version = current_version(keys)
  if version ~= tonumber(args[1]) then return {0, whole(version)} end
  make_room(keys[3])
  redis.call('HSET', keys[3], 'imported', args[2], 'content', args[3])
  return {1, whole(version)}
end

redis.register_function{function_name = '@LIBRARY@_load', callback = load, flags = {'no-writes'}}
redis.register_function{
  function_name = '@LIBRARY@_load_version', callback = load_version, flags = {'no-writes'}}
redis.register_function{function_name = '@LIBRARY@_history', callback = history, flags = {'no-writes'}}
redis.register_function('@LIBRARY@_commit', commit)
-- Images must be switched off also where Redis has no memory left.
redis.register_function{function_name = '@LIBRARY@_flip', callback = flip, flags = {'allow-oom'}}
redis.register_function('@LIBRARY@_write_back', write_back)
redis.register_function('@LIBRARY@_note_import', note_import)
