-- Stores the version of a tenant, a user, a session or an API key. A lower version never replaces a higher version, so
-- a value that was read before a change and arrives after it has no effect.
-- KEYS: the cache entry.
-- ARGV:
-- 1: the version;
-- 2: the seconds for which it is trusted;
-- 3: the seconds since PostgreSQL was queried (empty if the version is only a lower bound, which the next request
-- compares with PostgreSQL);
-- 4: a snapshot (empty if there is none, as are 5 to 8);
-- 5: the id of an API key;
-- 6 and 7: the limits per minute and per day of a tenant or an API key;
-- 8: the expiry of an API key;
-- 9: a time of Redis before PostgreSQL was queried (empty if unknown);
-- 10: a new change token;
-- 11: 1 if a change publishes the version, which ends or alters a credential; 0 if it was found in PostgreSQL.
-- Returns the number of the last lease of the tenant and its validity in milliseconds if a lease may not have ended
-- (otherwise 0), and the milliseconds to wait before a caller is refused.
local prefix = string.sub(KEYS[1], 1, string.find(KEYS[1], '}', 1, true) + 1)
local function answer()
  local lease, milliseconds = outstanding(prefix)
  return { lease, milliseconds, refusal_wait(prefix) }
end
if ARGV[11] == '1' then record_change(prefix, ARGV[10]) end
local current = tonumber(redis.call('HGET', KEYS[1], 'version') or 0)
local version = tonumber(ARGV[1])
if version < current or (version == current and ARGV[3] == '') then
  return answer()
end
local trusted, checked = tonumber(ARGV[2]), nil
if ARGV[3] ~= '' then
  local now = tonumber(redis.call('TIME')[1])
  checked = now - ARGV[3]
  if ARGV[9] ~= '' then checked = math.min(checked, tonumber(ARGV[9])) end
  trusted = trusted - (now - checked)
  if trusted <= 0 then return answer() end
end
-- The publication of a change may have been lost. A value that was absent and is stored again changes nothing, unless it
-- is the end of something.
if version > current and (current > 0 or version == TOMBSTONE) then record_change(prefix, ARGV[10]) end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'version', ARGV[1])
if checked then redis.call('HSET', KEYS[1], 'checked', checked) end
for index, field in ipairs({ 'snapshot', 'id', 'per_minute', 'per_day', 'ends' }) do
  if ARGV[3 + index] ~= '' then
    redis.call('HSET', KEYS[1], field, ARGV[3 + index])
  end
end
redis.call('EXPIRE', KEYS[1], trusted)
return answer()
