-- KEYS[1] the event.
-- ARGV[1] the owner's mark, ARGV[2] its mark when handled, ARGV[3] the retention in ms.
-- Answers 1: settled, 0: lost.
if mark == ARGV[1] then
  local done, left = ARGV[2], ARGV[3]
  if kept then
    local longer = redis.call('PTTL', KEYS[1])
    if longer > tonumber(left) then
      done, left = with_time(done, left), longer
    end
  end
  -- A server without room lets a script write on once it has deleted.
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[1], done, 'PX', left)
  return 1
end
if mark == ARGV[2] then
  return 1
end
if not mark then
  -- Changes nothing, and fails on a replica, whose word is not to be taken for "lost".
  redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), 1))
end
return 0
