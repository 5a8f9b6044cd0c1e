-- Stands before every script, and reads what is under the event's key, KEYS[1]:
--   nothing     nobody has the event, and no token was released lately
--   'r'         nobody has it, and tokens were released lately
--   mark        claimed ('c' and the owner's token) or handled ('d' and that token), as long as the key lives
--   mark, time  the same until that time in ms; from then on as 'r'
-- A released token is remembered under a key of its own, KEYS[2]. The plain SET NX of a claim does
-- not look there, so the event's key must outlive it: what has an 'r' or a time is never made to
-- expire sooner than it would.
local FOREIGN = 'FOREIGN the value under the key was not written by this store'
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function with_time(mark, left)
  return mark .. string.format('%.0f', now() + left)
end
local value = redis.call('GET', KEYS[1])
-- `mark`: what holds now, if anything. `ends`: its time, if it has one. `kept`: whether the key must
-- not expire sooner.
local mark, ends, kept = value, nil, value == 'r'
if kept then
  mark = false
elseif value and #value ~= 33 then
  ends, kept = tonumber(string.match(value, '^[cd]' .. string.rep('%x', 32) .. '(%d+)$')), true
  if not ends then
    return redis.error_reply(FOREIGN)
  end
  mark = now() <= ends and string.sub(value, 1, 33)
end
local state = mark and string.sub(mark, 1, 1)
if mark and state ~= 'c' and state ~= 'd' then
  return redis.error_reply(FOREIGN)
end
