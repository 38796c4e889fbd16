-- KEYS: hashes of one tenant. ARGV: how many seconds to keep them, how many seconds ago PostgreSQL was asked,
-- and the version of each that it had. Returns 1 for each whose version is the same, which counts from then
-- on, and 0 for the others.
local checked = redis.call('TIME')[1] - ARGV[2]
local confirmed = {}
for index, key in ipairs(KEYS) do
  local is_same = redis.call('HGET', key, 'version') == ARGV[index + 2]
  if is_same then
    redis.call('HSET', key, 'checked', checked)
    redis.call('EXPIRE', key, ARGV[1])
  end
  confirmed[index] = is_same and 1 or 0
end
return confirmed
