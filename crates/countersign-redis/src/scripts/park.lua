-- KEYS[1] the event, KEYS[2] its count, KEYS[3] its record (`token attempts parked_at note`, the third in
-- ms). The token tells the record from one of a handling before, which a program has forgotten that knows of
-- no records.
-- ARGV[1] the owner's mark, ARGV[2] its mark when handled, ARGV[3] for how many ms all is kept, ARGV[4]
-- the note. Answers 1: parked by this owner, 0: lost.
if mark == ARGV[1] then
  local done, left = ARGV[2], ARGV[3]
  if kept then
    local longer = redis.call('PTTL', KEYS[1])
    if longer > tonumber(left) then
      done, left = with_time(done, left), longer
    end
  end
  local number = string.match(redis.call('GET', KEYS[2]) or '', '^%x+ (%d+) ') or '0'
  -- A server without room lets a script write on once it has deleted.
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('SET', KEYS[1], done, 'PX', left)
  local record = string.sub(ARGV[2], 2) .. ' ' .. number .. string.format(' %.0f ', now()) .. ARGV[4]
  redis.call('SET', KEYS[3], record, 'PX', ARGV[3])
  return 1
end
if mark == ARGV[2] then
  -- Its owner has completed it, or parked it in an earlier copy of this call.
  local record = redis.call('GET', KEYS[3]) or ''
  return string.match(record, '^%x+') == string.sub(ARGV[2], 2) and 1 or 0
end
if not mark then
  -- Changes nothing, and fails on a replica, whose word is not to be taken for "lost".
  redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), 1))
end
return 0
