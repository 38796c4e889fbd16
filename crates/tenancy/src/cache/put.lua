-- Stores an entry in a tenant's cache. If there is no room, it first removes expired entries, then the entries that
-- expire next.
-- KEYS: the entry, the expiry times of all entries, the sizes of all entries, and their total number of bytes.
-- ARGV: the entry's name, its bytes, its size, the seconds for which to keep it, the maximum number of bytes of all
-- entries, and the maximum number of entries.
-- Returns 1 if the entry is new, otherwise 0.
local now = redis.call('TIME')
local instant = tonumber(now[1]) + tonumber(now[2]) / 1000000
local prefix = string.sub(KEYS[1], 1, #KEYS[1] - #ARGV[1])
local size, most, most_entries = tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[6])

local function remove(name)
  local had = tonumber(redis.call('HGET', KEYS[3], name) or 0)
  redis.call('UNLINK', prefix .. name)
  redis.call('ZREM', KEYS[2], name)
  redis.call('HDEL', KEYS[3], name)
  redis.call('DECRBY', KEYS[4], had)
end

local is_new = redis.call('EXISTS', KEYS[1]) == 0
remove(ARGV[1])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', instant, 'LIMIT', 0, 100)) do
  remove(name)
end
while tonumber(redis.call('GET', KEYS[4]) or 0) + size > most
  or redis.call('ZCARD', KEYS[2]) >= most_entries do
  local first = redis.call('ZRANGE', KEYS[2], 0, 0)
  if not first[1] then break end
  remove(first[1])
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[4])
redis.call('ZADD', KEYS[2], instant + tonumber(ARGV[4]), ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], size)
redis.call('INCRBY', KEYS[4], size)
-- The indexes expire after the last of their entries.
local longest = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
local keep = math.ceil(tonumber(longest[2]) - instant) + 60
for index = 2, 4 do redis.call('EXPIRE', KEYS[index], keep) end
return is_new and 1 or 0
