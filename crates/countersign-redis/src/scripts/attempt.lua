-- KEYS[1] the event, KEYS[2] its count (`token number first`, the last in ms), KEYS[3] its record if it is
-- parked. ARGV[1] the owner's mark, ARGV[2] for how many ms the count is kept.
-- Answers 0: lost, 1: counted; the number; the ms since the first.
if mark ~= ARGV[1] then
  if not mark then
    -- Changes nothing, and fails on a replica, whose word is not to be taken for "lost".
    redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), 1))
  end
  return {0, 0, 0}
end
if redis.call('EXISTS', KEYS[3]) == 1 then
  -- It was parked, and forgotten by somebody who knows of no records.
  redis.call('DEL', KEYS[3])
end
local token, time = string.sub(ARGV[1], 2), now()
local owner, number, first = string.match(redis.call('GET', KEYS[2]) or '', '^(%x+) (%d+) (%d+)$')
number, first = tonumber(number or 0), tonumber(first or time)
if owner ~= token then
  number = math.min(number + 1, 4294967295)
end
redis.call('SET', KEYS[2], token .. string.format(' %.0f %.0f', number, first), 'PX', ARGV[2])
return {1, number, math.max(time - first, 0)}
