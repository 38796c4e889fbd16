-- Refreshes cache entries whose versions are the ones that PostgreSQL has.
-- KEYS: entries of one tenant. ARGV: the seconds for which they are trusted, the seconds since PostgreSQL was asked, a
-- time of Redis before that (empty when none is known), and the version of each that PostgreSQL has. Returns 1 for each
-- entry with the same version, which is refreshed, and 0 for the others.
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
