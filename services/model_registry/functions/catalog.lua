-- The catalog's store. All keys share the hash tag {catalog}.
--
--   KEYS[1] {catalog}:version   the version in force, decimal
--   KEYS[2] {catalog}:contents  hash: version -> serialized Catalog; the newest 100
--   KEYS[3] {catalog}:meta      hash: imported (SHA-256 of the file imported last),
--                               first_import (Unix milliseconds)
--
-- Versions are Unix milliseconds, far below 2^53, so Lua's doubles hold them exactly.

local KEPT_VERSIONS = 100

local function whole(number)
  return string.format('%.0f', number)
end

local function current_version(keys)
  return tonumber(redis.call('GET', keys[1]) or '0')
end

local function unix_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function trim(keys)
  local versions = redis.call('HKEYS', keys[2])
  if #versions <= KEPT_VERSIONS then return end
  table.sort(versions, function(a, b) return tonumber(a) < tonumber(b) end)
  for i = 1, #versions - KEPT_VERSIONS do
    redis.call('HDEL', keys[2], versions[i])
  end
end

local function put(keys, version, imported, first_import, content)
  redis.call('HSET', keys[2], whole(version), content)
  redis.call('SET', keys[1], whole(version))
  redis.call('HSET', keys[3], 'imported', imported)
  redis.call('HSETNX', keys[3], 'first_import', first_import)
  trim(keys)
end

-- Reads all at once. Returns {version, content or '', imported, first_import, Redis' time in ms}.
local function load(keys, args)
  local version = current_version(keys)
  return {
    whole(version),
    redis.call('HGET', keys[2], whole(version)) or '',
    redis.call('HGET', keys[3], 'imported') or '',
    redis.call('HGET', keys[3], 'first_import') or '0',
    whole(unix_ms()),
  }
end

-- Replaces the catalog if it still has the version that the caller knows.
--   ARGV: known version, imported, first_import, content
-- Returns {1, new version}, or {0, version in force} when somebody was faster.
local function commit(keys, args)
  local version = current_version(keys)
  if version ~= tonumber(args[1]) then return {0, whole(version)} end
  local next_version = math.max(version + 1, unix_ms())
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
  redis.call('HSET', keys[3], 'imported', args[2])
  return {1, whole(version)}
end

redis.register_function{function_name = '@LIBRARY@_load', callback = load, flags = {'no-writes'}}
redis.register_function('@LIBRARY@_commit', commit)
redis.register_function('@LIBRARY@_write_back', write_back)
redis.register_function('@LIBRARY@_note_import', note_import)
