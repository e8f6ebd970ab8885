-- list_holds: the IDs of an account's holds, in order of their end. The list is that of the whole bucket, of which
-- one call looks at so many only.
--
-- KEYS  acct, due
-- ARGV  1 now, 2 account, 3 and 4 end and ID of the last one that was seen ("": from the first), 5 how many IDs at
--       most, 6 how many of the bucket to look at
-- Answers {"OK", end and ID of the last one looked at ("" "": the list has ended), ID, ID, ...} or
-- {"ACCOUNT_NOT_FOUND", "0"}.
--
-- list_reservations: those of them that still hold something.
--
-- KEYS  rsv, ...
-- ARGV  1 now
-- Answers {"OK", {reservation (14)} or {}, ...}.

local function list_holds(keys, args)
  if redis.call('EXISTS', keys[1]) == 0 then return {'ACCOUNT_NOT_FOUND', '0'} end
  local wanted, look, prefix = integer(args[5]), integer(args[6]), args[2] .. '.'
  local from = rank_behind(keys[2], args[3], args[4])
  local found = redis.call('ZRANGE', keys[2], text(from), text(from + look - 1), 'WITHSCORES')
  local ids, last_end, last_id = {}, '', ''
  local at = 1
  while at < #found and #ids < wanted do
    last_id, last_end = found[at], text(tonumber(found[at + 1]))
    if last_id:sub(1, #prefix) == prefix then ids[#ids + 1] = last_id end
    at = at + 2
  end
  if at > #found and #found < look * 2 then last_end, last_id = '', '' end
  return {'OK', last_end, last_id, unpack(ids)}
end

local function list_reservations(keys)
  local answer = {'OK'}
  for _, name in ipairs(keys) do
    local r = read_reservation(name)
    answer[#answer + 1] = r and r.state == 'P' and {reservation_answer(r)} or {}
  end
  return answer
end

redis.register_function{function_name = '@LIBRARY@_list_holds', callback = list_holds, flags = {'no-writes'}}
redis.register_function{
  function_name = '@LIBRARY@_list_reservations', callback = list_reservations, flags = {'no-writes'}}
