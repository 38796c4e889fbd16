-- KEYS: hashes of one tenant. ARGV: how many seconds to keep them, and the version of each that PostgreSQL
-- has. Returns 1 for each whose version is the same, which counts anew, and 0 for the others.
local now = redis.call('TIME')[1]
local confirmed = {}
for index, key in ipairs(KEYS) do
  local is_same = redis.call('HGET', key, 'version') == ARGV[index + 1]
  if is_same then
    redis.call('HSET', key, 'checked', now)
    redis.call('EXPIRE', key, ARGV[1])
  end
  confirmed[index] = is_same and 1 or 0
end
return confirmed
