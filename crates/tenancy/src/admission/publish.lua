-- KEYS: a hash. ARGV: the version that PostgreSQL has, how many seconds to keep it, a snapshot, and
-- the limits of a tenant or of an API key, whose id and end in seconds there are, too (empty where
-- there is none). Versions only grow: what was read before a change and comes after it changes nothing.
local kept = tonumber(redis.call('HGET', KEYS[1], 'version') or 0)
if tonumber(ARGV[1]) < kept then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'checked', redis.call('TIME')[1])
for index, field in ipairs({ 'snapshot', 'id', 'per_minute', 'per_day', 'ends' }) do
  if ARGV[2 + index] and ARGV[2 + index] ~= '' then
    redis.call('HSET', KEYS[1], field, ARGV[2 + index])
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
