-- Takes an entry out of a tenant's cache.
-- KEYS: the entry, the ends of all entries, the sizes of all entries, and how many bytes they are.
-- ARGV: the entry's name. Returns whether it was there.
local had = redis.call('HGET', KEYS[3], ARGV[1])
if had then redis.call('DECRBY', KEYS[4], had) end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return redis.call('DEL', KEYS[1])
