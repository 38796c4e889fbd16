-- Refreshes the cache entries whose versions equal those in PostgreSQL. KEYS: entries of one tenant. ARGV: the seconds
-- for which they are trusted; the seconds since PostgreSQL was queried; a time of Redis before the query (empty if
-- unknown); and the version of each entry in PostgreSQL. Returns 1 for each entry that was refreshed because it has the
-- same version, and 0 for each other one.
local now = tonumber(redis.call('TIME')[1])
local checked = now - ARGV[2]
if ARGV[3] ~= '' then checked = math.min(checked, tonumber(ARGV[3])) end
local trusted = ARGV[1] - (now - checked)
local confirmed = {}
for index, key in ipairs(KEYS) do
  local is_same = trusted > 0 and redis.call('HGET', key, 'version') == ARGV[index + 3]
  if is_same then
    redis.call('HSET', key, 'checked', checked)
    redis.call('EXPIRE', key, trusted)
  end
  confirmed[index] = is_same and 1 or 0
end
return confirmed
