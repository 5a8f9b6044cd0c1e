-- KEYS[1] the event, KEYS[2] the token as a released one.
-- ARGV[1] the token's mark as an owner, ARGV[2] for how many ms it is remembered as released.
-- Answers 1: settled, 0: lost. The token is released in both cases.
local left = redis.call('PTTL', KEYS[1])
if value and left < 0 then
  return redis.error_reply(FOREIGN)
end
-- Changes nothing that stays. It fails on a replica, whose word is not to be taken; and a server
-- without room lets a script write on once it has deleted.
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
if mark and mark ~= ARGV[1] then
  local longer = math.max(left, ARGV[2])
  -- Somebody else's. It stays what it is, for as long as it was to be.
  if ends then
    redis.call('PEXPIRE', KEYS[1], longer)
  elseif state == 'c' or longer > left then
    redis.call('SET', KEYS[1], with_time(mark, left), 'PX', longer)
  end
  return 0
end
-- No token that was released before is remembered for longer.
redis.call('SET', KEYS[1], 'r', 'PX', ARGV[2])
return mark and 1 or 0
