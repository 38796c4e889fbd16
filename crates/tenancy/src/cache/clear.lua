-- Removes entries from a tenant's cache, up to a maximum number per call.
-- KEYS: the prefix of the entries' names, the expiry times of all entries, the sizes of all entries, and their total
-- number of bytes.
-- ARGV: the maximum number.
-- Returns the number of removed entries; 0 if none are left.
local names = redis.call('ZRANGE', KEYS[2], 0, tonumber(ARGV[1]) - 1)
for _, name in ipairs(names) do
  local had = redis.call('HGET', KEYS[3], name)
  if had then redis.call('DECRBY', KEYS[4], had) end
  redis.call('UNLINK', KEYS[1] .. name)
  redis.call('ZREM', KEYS[2], name)
  redis.call('HDEL', KEYS[3], name)
end
return #names
