-- KEYS[1] the event, ARGV[1] the claimer's mark, ARGV[2] the lease in ms.
-- Answers -1: fresh, -2: handled, otherwise in flight for so many ms.
local mark = redis.call('GET', KEYS[1])
if not mark then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return -1
end
if mark == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return -1
end
if #mark == #ARGV[1] then
  local state = string.sub(mark, 1, 1)
  if state == 'd' then
    return -2
  end
  local left = redis.call('PTTL', KEYS[1])
  if state == 'c' and left >= 0 then
    return left
  end
end
return redis.error_reply('FOREIGN the value under the key was not written by this store')
