-- Takes entries out of a tenant's cache, as many as one call may.
-- KEYS: what entries' names follow, the ends of all entries, the sizes of all entries, and how many
-- bytes they are. ARGV: how many. Returns how many were taken; none are left when it is none.
local names = redis.call('ZRANGE', KEYS[2], 0, tonumber(ARGV[1]) - 1)
for _, name in ipairs(names) do
  local had = redis.call('HGET', KEYS[3], name)
  if had then redis.call('DECRBY', KEYS[4], had) end
  redis.call('UNLINK', KEYS[1] .. name)
  redis.call('ZREM', KEYS[2], name)
  redis.call('HDEL', KEYS[3], name)
end
return #names
