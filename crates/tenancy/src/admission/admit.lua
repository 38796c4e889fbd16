-- What is known of a tenant, of who calls (a user or an API key) and of the session; and one call
-- taken from the limits of an API key, if it has any and they are not reached.
-- KEYS: the hashes of the tenant, of the caller, and of the session (empty for an API key).
-- ARGV: the versions of the tenant and of the caller that the instance has.
-- Returns of the tenant and of the caller: version, age in seconds, and the snapshot where the
-- instance has another; of the session: version and age; nil for what is not known. Then which limit
-- is reached, and the seconds until that is over.
local now = redis.call('TIME')
local seconds = tonumber(now[1])

local function known(key, own)
  local fields = redis.call('HMGET', key, 'version', 'checked')
  local snapshot = false
  if fields[1] and fields[1] ~= own then
    snapshot = redis.call('HGET', key, 'snapshot')
  end
  return fields[1], fields[2] and seconds - tonumber(fields[2]), snapshot
end

-- Calls in a window of a minute that the first of them opens, and in a day of UTC.
local function limited(caller)
  local limits = redis.call('HMGET', caller, 'id', 'per_minute', 'per_day', 'ends')
  if not limits[1] or not (limits[2] or limits[3]) then
    return false, false
  end
  -- A secret that has ended takes nothing from the one that is in its place.
  if limits[4] and seconds >= tonumber(limits[4]) then
    return false, false
  end
  -- Of one hash slot with the keys that were named: the tenant is in braces.
  local prefix = string.match(caller, '^t:{[^}]*}:') .. 'calls:' .. limits[1]
  local minute = prefix .. ':minute'
  local day = prefix .. ':day:' .. math.floor(seconds / 86400)
  if limits[2] and tonumber(redis.call('GET', minute) or 0) >= tonumber(limits[2]) then
    return 'minute', math.max(1, math.ceil(redis.call('PTTL', minute) / 1000))
  end
  if limits[3] and tonumber(redis.call('GET', day) or 0) >= tonumber(limits[3]) then
    return 'day', 86400 - seconds % 86400
  end
  if limits[2] and redis.call('INCR', minute) == 1 then
    redis.call('EXPIRE', minute, 60)
  end
  if limits[3] and redis.call('INCR', day) == 1 then
    redis.call('EXPIRE', day, 2 * 86400)
  end
  return false, false
end

local t_version, t_age, t_snapshot = known(KEYS[1], ARGV[1])
local c_version, c_age, c_snapshot = known(KEYS[2], ARGV[2])
local s_version, s_age = false, false
if KEYS[3] then
  s_version, s_age = known(KEYS[3], '')
end
local limit, wait = limited(KEYS[2])
return { t_version, t_age, t_snapshot, c_version, c_age, c_snapshot, s_version, s_age, limit, wait }
