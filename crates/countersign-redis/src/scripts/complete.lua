-- KEYS[1] the event, ARGV[1] the owner's mark, ARGV[2] its mark when handled, ARGV[3] the retention in ms.
-- Answers 1: settled, 0: lost.
local mark = redis.call('GET', KEYS[1])
if mark == ARGV[1] then
  local set = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  if not set.err then
    return 1
  end
  -- Out of memory: a server without room lets a script write on once it has deleted.
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1
end
if mark == ARGV[2] then
  return 1
end
if not mark then
  -- Changes nothing, and fails on a replica, whose word is not to be taken for "lost".
  redis.call('DEL', KEYS[1])
  return 0
end
local state = string.sub(mark, 1, 1)
if #mark == #ARGV[1] and (state == 'c' or state == 'd') then
  return 0
end
return redis.error_reply('FOREIGN the value under the key was not written by this store')
