-- KEYS[1] the event.
-- Answers 0: unknown, 1: released, 2: in flight, 3: handled; and for how many ms.
local left = redis.call('PTTL', KEYS[1])
if value and left < 0 then
  return redis.error_reply(FOREIGN)
end
if not mark then
  return {kept and 1 or 0, 0}
end
return {state == 'c' and 2 or 3, ends and math.max(ends - now(), 0) or left}
