-- KEYS[1] the event, KEYS[2] its count (`token number first`), KEYS[3] its record if it is parked. ARGV[1] the
-- mark of the owner whose attempt did not begin.
local token, number, first = string.match(redis.call('GET', KEYS[2]) or '', '^(%x+) (%d+) (%d+)$')
if not token then
  -- Changes nothing, and fails on a replica, which may not know of the count yet.
  redis.call('PEXPIRE', KEYS[2], math.max(redis.call('PTTL', KEYS[2]), 1))
end
if token ~= string.sub(ARGV[1], 2) or redis.call('EXISTS', KEYS[3]) == 1 then
  return 0
end
if tonumber(number) <= 1 then
  redis.call('DEL', KEYS[2])
else
  -- No token is `0`, so it is not taken back twice.
  local left = math.max(redis.call('PTTL', KEYS[2]), 1)
  redis.call('SET', KEYS[2], string.format('0 %.0f ', number - 1) .. first, 'PX', left)
end
return 1
