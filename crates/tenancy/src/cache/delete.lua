-- Removes an entry from a tenant's cache.
-- KEYS: the entry, the expiry times of all entries, the sizes of all entries, and their total number of bytes.
-- ARGV: the entry's name.
-- Returns whether the entry existed.
local had = redis.call('HGET', KEYS[3], ARGV[1])
if had then redis.call('DECRBY', KEYS[4], had) end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return redis.call('DEL', KEYS[1])
