-- get_reservation: what is remembered of one.
--
-- KEYS  rsv
-- ARGV  1 now
-- Answers {"OK", reservation (14)} or {"RESERVATION_FORGOTTEN", "0"}.

local function get_reservation(keys, args)
  local r = read_reservation(keys[1])
  if not r then return {'RESERVATION_FORGOTTEN', '0'} end
  return {'OK', reservation_answer(r)}
end

redis.register_function{
  function_name = '@LIBRARY@_get_reservation', callback = get_reservation, flags = {'no-writes'}}
