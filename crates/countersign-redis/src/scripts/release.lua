-- KEYS[1] the event, ARGV[1] the owner's mark.
-- Answers 1: settled, 0: lost.
local mark = redis.call('GET', KEYS[1])
if not mark or mark == ARGV[1] then
  -- Without a mark this changes nothing, and fails on a replica, whose word is not to be taken.
  return redis.call('DEL', KEYS[1])
end
local state = string.sub(mark, 1, 1)
if #mark == #ARGV[1] and (state == 'c' or state == 'd') then
  return 0
end
return redis.error_reply('FOREIGN the value under the key was not written by this store')
