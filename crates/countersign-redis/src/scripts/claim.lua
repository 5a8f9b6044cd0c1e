-- KEYS[1] the event, KEYS[2] the claimer's token if it was released.
-- ARGV[1] the claimer's mark, ARGV[2] the lease in ms.
-- Answers -1: fresh, -2: handled, otherwise in flight for so many ms.
if state == 'd' then
  return -2
end
if mark and mark ~= ARGV[1] then
  if ends then
    return math.max(ends - now(), 0)
  end
  local left = redis.call('PTTL', KEYS[1])
  return left < 0 and redis.error_reply(FOREIGN) or left
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  -- This claim was overtaken by its own release.
  return 0
end
if kept then
  if mark then
    -- Changes nothing. A server without room lets a script write on once it has deleted.
    redis.call('DEL', KEYS[2])
  end
  local left = math.max(redis.call('PTTL', KEYS[1]), ARGV[2])
  redis.call('SET', KEYS[1], with_time(ARGV[1], ARGV[2]), 'PX', left)
elseif mark then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return -1
