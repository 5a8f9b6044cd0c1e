-- KEYS[1] the event, KEYS[2] the token that had completed it, as a released one, KEYS[3] its count of
-- attempts, KEYS[4] its record if it is parked.
-- ARGV[1] that token's mark, ARGV[2] for how many ms it is remembered as released.
-- Answers 0: not handled, 1: forgotten, 2: in flight for so many ms, 3: handled by another token.
local left = redis.call('PTTL', KEYS[1])
if value and left < 0 then
  return redis.error_reply(FOREIGN)
end
if state == 'c' then
  return {2, ends and math.max(ends - now(), 0) or left}
end
if not mark then
  -- Changes nothing, and fails on a replica, whose word is not to be taken for "not handled".
  redis.call('PEXPIRE', KEYS[1], math.max(left, 1))
  return {0, 0}
end
if mark ~= ARGV[1] then
  return {3, 0}
end
-- A server without room lets a script write on once it has deleted.
redis.call('DEL', KEYS[1], KEYS[3], KEYS[4])
redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
-- No token that was released before is remembered for longer.
redis.call('SET', KEYS[1], 'r', 'PX', ARGV[2])
return {1, 0}
