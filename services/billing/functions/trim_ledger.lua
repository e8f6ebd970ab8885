-- trim_ledger: drops the entries up to a sequence and puts one in their place that holds their sums. It has a
-- stream of its own, since a stream takes entries at its end only. What the subscription's counters were then
-- is told by the caller, who has read the entries, which never change.
--
-- KEYS  acct, led, fwd, audit
-- ARGV  1 now, 2 sequence, 3 that entry's balance, 4 what the entries that were read begin with: the sequence of the
--       carried-forward entry (0: none), 5 units used, 6 over, 7 quota, 8 period start, 9 its end (5 to 9 "": no
--       subscription), 10 actor
-- Answers {"OK" or "REPLAY", {ID, {field, value, ...}}}, {"CHANGED", "0"} when another one trimmed in between, or a
-- refusal: ACCOUNT_NOT_FOUND, NO_SUCH_ENTRY (which the newest is too, since a ledger keeps it), OTHER_BALANCE.

local function field_of(entry, name)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == name then return entry[2][i + 1] end
  end
end

local function trim_ledger(keys, args)
  local account = read_account(keys[1], '')
  local sequence = integer(args[2])
  local entry = redis.call('XRANGE', keys[2], args[2] .. '-0', args[2] .. '-0')[1]
  local forward = redis.call('XRANGE', keys[3], '-', '+')[1]
  prove_audit(keys)
  if not account then return {'ACCOUNT_NOT_FOUND', '0'} end
  local trimmed = forward and integer(forward[1]:match('^%d+')) or 0
  if forward and trimmed == sequence then entry = forward end
  if not entry or sequence >= account.seq then return {'NO_SUCH_ENTRY', '0'} end
  if integer(field_of(entry, 'bal')) ~= integer(args[3]) then return {'OTHER_BALANCE', '0'} end
  if entry == forward then return {'REPLAY', forward} end
  if trimmed ~= integer(args[4]) then return {'CHANGED', '0'} end
  local then_was = {bal = integer(field_of(entry, 'bal')), owed = integer(field_of(entry, 'owed')), seq = sequence}
  append_ledger(keys[3], then_was, integer(field_of(entry, 'us')), {type = 'carried_forward', amount = 0, owed_change = 0,
    carried = then_was.bal, carried_owed = then_was.owed, units = integer(args[5]), over = integer(args[6]),
    quota = integer(args[7]), start = integer(args[8]), stop = integer(args[9])})
  append_audit(keys, clock(args[1], account.last_us), {action = 'ledger.trim', actor = args[10],
    changes = {{path = 'trimmed_through', before = forward and text(trimmed) or nil, after = text(sequence)}}})
  redis.call('XTRIM', keys[3], 'MAXLEN', '1')
  redis.call('XTRIM', keys[2], 'MINID', text(sequence + 1) .. '-0')
  return {'OK', redis.call('XRANGE', keys[3], '-', '+')[1]}
end

redis.register_function{function_name = '@LIBRARY@_trim_ledger', callback = trim_ledger, flags = {'allow-oom'}}
