-- Stands before all else of complete.lua: the common case, a claim that no release has come near, on a
-- server that has room. What is measured as "claim + complete" is this.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  if not redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]).err then
    return 1
  end
end
