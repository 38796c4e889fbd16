-- What is known of a tenant, of who calls (a user or an API key) and of the session; and one call
-- taken from the limits of the tenant and of the API key, if nothing keeps the caller from acting and
-- no limit is reached. Either all of them count the call or none.
-- KEYS: the hashes of the tenant, of the caller, and of the session (none for an API key).
-- ARGV: the version of the tenant that the instance has; the version of the caller that the instance
-- has (of an API key) or that the token says (of a user); what to count: all, caller or none, or peek
-- to tell of all and count nothing; the
-- seconds for which a version is fresh; what PostgreSQL has of the day (empty where it was not
-- asked), and which day that is; the seconds to keep a day.
-- Returns of the tenant and of the caller: version, age in seconds, and the snapshot where the
-- instance has another; of the session: version and age; nil for what is not known. Then what came of
-- the counting (0 not counted, 1 counted, 2 refused, 3 PostgreSQL must be asked for the day), which
-- limit is reached, the day, the seconds that are left of it, and of each limit: the limit, what is
-- used of it, and the seconds until it starts anew.
local now = redis.call('TIME')
local seconds = tonumber(now[1])
local fresh = tonumber(ARGV[4])
local ENDED = '9007199254740991'

local function known(key, own)
  local fields = redis.call('HMGET', key, 'version', 'checked')
  local snapshot = false
  if fields[1] and fields[1] ~= own then
    snapshot = redis.call('HGET', key, 'snapshot')
  end
  return fields[1], fields[2] and seconds - tonumber(fields[2]), snapshot
end

local t_version, t_age, t_snapshot = known(KEYS[1], ARGV[1])
local c_version, c_age, c_snapshot = known(KEYS[2], ARGV[2])
local s_version, s_age = false, false
if KEYS[3] then
  s_version, s_age = known(KEYS[3], '')
end

local day = math.floor(seconds / 86400)
local left = 86400 - seconds % 86400
-- Of one hash slot with the keys that were named: the tenant is in braces.
local prefix = string.match(KEYS[1], '^t:{[^}]*}:')

local function may_act()
  if not (t_age and t_age < fresh and c_age and c_age < fresh) then return false end
  if KEYS[3] then
    return c_version == ARGV[2] and s_version == '1' and s_age < fresh
  end
  return c_version ~= ENDED
end

-- A window of a minute opens with the first call in it.
local function minute(name, key, limit)
  if not limit then return false end
  local used = tonumber(redis.call('GET', key) or 0)
  local reset = 60
  if used > 0 then reset = math.max(1, math.ceil(redis.call('PTTL', key) / 1000)) end
  return { name = name, key = key, limit = tonumber(limit), used = used, reset = reset, keep = 60 }
end

local function daily(name, key, limit)
  if not limit then return false end
  local used = redis.call('GET', key)
  return { name = name, key = key, limit = tonumber(limit), used = used and tonumber(used),
           reset = left, keep = tonumber(ARGV[7]) }
end

local peeks = ARGV[3] == 'peek'
local outcome, reached = 0, false
local counters = { false, false, false, false }
if ARGV[3] ~= 'none' and may_act() then
  local caller = redis.call('HMGET', KEYS[2], 'id', 'per_minute', 'per_day', 'ends')
  local has_ended = caller[4] and seconds >= tonumber(caller[4])
  if not has_ended then
    outcome = 1
    if ARGV[3] == 'all' or peeks then
      local tenant = redis.call('HMGET', KEYS[1], 'per_minute', 'per_day')
      -- One that takes no requests has no limits here.
      if not tenant[1] then outcome = 0 end
      counters[1] = minute('minute', prefix .. 'calls:minute', tenant[1])
      counters[2] = daily('day', prefix .. 'usage:api_calls:' .. day, tenant[2])
    end
    if caller[1] then
      local own = prefix .. 'calls:' .. caller[1]
      counters[3] = minute('key-minute', own .. ':minute', caller[2])
      counters[4] = daily('key-day', own .. ':day:' .. day, caller[3])
      if counters[4] and not counters[4].used then counters[4].used = 0 end
    end
    if peeks then
      outcome = 0
      if counters[2] and not counters[2].used then counters[2] = false end
    elseif counters[2] and not counters[2].used then
      if ARGV[5] ~= '' and ARGV[6] == tostring(day) then
        counters[2].used = tonumber(ARGV[5])
        redis.call('SET', counters[2].key, counters[2].used, 'EX', ARGV[7])
      else
        outcome = 3
      end
    end
    if outcome == 1 then
      for index = 1, 4 do
        local counter = counters[index]
        if counter and counter.used >= counter.limit and not reached then
          outcome, reached = 2, counter.name
        end
      end
    end
    if outcome == 1 then
      for index = 1, 4 do
        local counter = counters[index]
        if counter then
          counter.used = redis.call('INCR', counter.key)
          if counter.used == 1 then redis.call('EXPIRE', counter.key, counter.keep) end
        end
      end
    end
  end
end

local reply = { t_version, t_age, t_snapshot, c_version, c_age, c_snapshot, s_version, s_age,
                outcome, reached, day, left }
for index = 1, 4 do
  local counter = counters[index]
  local place = 12 + (index - 1) * 3
  reply[place + 1] = counter and counter.limit
  reply[place + 2] = counter and (counter.used or 0)
  reply[place + 3] = counter and counter.reset
end
return reply
