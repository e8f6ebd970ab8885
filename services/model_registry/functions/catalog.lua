-- The catalog's store. All keys share the hash tag {catalog}.
--
--   KEYS[1] {catalog}:version   the version in force, decimal
--   KEYS[2] {catalog}:contents  hash: version -> serialized Catalog; the newest, see trim
--   KEYS[3] {catalog}:meta      hash: imported (SHA-256 of the file imported last),
--                               first_import (Unix milliseconds)
--
-- Versions are Unix milliseconds, far below 2^53, so Lua's doubles hold them exactly.

-- What is kept of the past: so many versions, or as many as fit into so many bytes, since the same Redis
-- holds money; of large catalogs the newest few all the same.
local KEPT_VERSIONS = 100
local KEPT_BYTES = 64 * 1024 * 1024
local KEPT_VERSIONS_MIN = 3
local VERSION_MAX = 2 ^ 53 - 1

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

-- Forgets old versions, never the one in force.
local function trim(keys, in_force)
  local versions = redis.call('HKEYS', keys[2])
  local function rank(text)
    if text == in_force then return math.huge end
    return string.match(text, '^%d+$') and tonumber(text) or -1
  end
  table.sort(versions, function(a, b) return rank(a) > rank(b) end)
  local bytes = 0
  for i, version in ipairs(versions) do
    bytes = bytes + redis.call('HSTRLEN', keys[2], version)
    if i > KEPT_VERSIONS or (i > KEPT_VERSIONS_MIN and bytes > KEPT_BYTES) then
      redis.call('HDEL', keys[2], version)
    end
  end
end

local function put(keys, version, imported, first_import, content)
  make_room(keys[2])
  make_room(keys[3])
  redis.call('HSET', keys[2], whole(version), content)
  redis.call('SET', keys[1], whole(version))
  redis.call('HSET', keys[3], 'imported', imported, 'first_import', first_import)
  trim(keys, whole(version))
end

-- Reads all at once. Returns {version, content or '', imported, first_import or '', Redis' time in ms,
-- 1 or, when what is there is no version, 0}.
local function load(keys, args)
  local version, is_version = current_version(keys)
  return {
    whole(version),
    field(keys[2], whole(version)),
    field(keys[3], 'imported'),
    field(keys[3], 'first_import'),
    whole(unix_ms()),
    is_version and 1 or 0,
  }
end

-- Replaces the catalog if it still has the version that the caller knows.
--   ARGV: known version, imported, first_import, content, a version to be above as well
-- Returns {1, new version}, or {0, version in force} when somebody was faster.
local function commit(keys, args)
  local version = current_version(keys)
  if version ~= tonumber(args[1]) then return {0, whole(version)} end
  local next_version = math.max(version + 1, tonumber(args[5]) + 1, unix_ms())
  put(keys, next_version, args[2], args[3], args[4])
  return {1, whole(next_version)}
end

-- Brings back a version that the store has lost (a restore, a failover).
--   ARGV: version, imported, first_import, content
-- Returns {1, version}, or {0, version in force} when that is as new or newer.
local function write_back(keys, args)
  local version = current_version(keys)
  if tonumber(args[1]) <= version then return {0, whole(version)} end
  put(keys, tonumber(args[1]), args[2], args[3], args[4])
  return {1, args[1]}
end

-- Remembers which file was imported last, when that changed nothing else.
--   ARGV: known version, imported
-- Returns as commit does.
local function note_import(keys, args)
  local version = current_version(keys)
  if version ~= tonumber(args[1]) then return {0, whole(version)} end
  make_room(keys[3])
  redis.call('HSET', keys[3], 'imported', args[2])
  return {1, whole(version)}
end

redis.register_function{function_name = '@LIBRARY@_load', callback = load, flags = {'no-writes'}}
redis.register_function('@LIBRARY@_commit', commit)
redis.register_function('@LIBRARY@_write_back', write_back)
redis.register_function('@LIBRARY@_note_import', note_import)
