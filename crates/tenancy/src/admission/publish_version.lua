-- KEYS: a hash. ARGV: the version that PostgreSQL has, how many seconds to keep it, a snapshot.
-- Versions only grow: what was read before a change and comes after it changes nothing.
local kept = tonumber(redis.call('HGET', KEYS[1], 'version') or 0)
if tonumber(ARGV[1]) < kept then
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'checked', redis.call('TIME')[1])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'snapshot', ARGV[3])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
