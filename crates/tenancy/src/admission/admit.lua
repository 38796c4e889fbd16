-- What is known of a tenant, of who calls (a user or an API key) and of the session; and one call
-- taken from the limits of the tenant and of the API key, if nothing keeps the caller from acting and
-- no limit is reached. Either all of them count the call or none.
-- KEYS: the hashes of the tenant, of the caller, and of the session (none for an API key).
-- ARGV: the version of the tenant that the instance has; the version of the caller that the instance
-- has (of an API key) or that the token says (of a user); what to count: all, caller or none, or peek
-- to tell of all and count nothing; the seconds for which a version is fresh; what PostgreSQL has of
-- the day (empty where it was not asked), and which day that is; the seconds to keep a day.
-- Returns one text, for each value of a reply costs the host a conversion, and the snapshots of the
-- tenant and of the caller where the instance has others. The text has, with spaces between: version
-- and age in seconds of the tenant, of the caller and of the session; what came of the counting (0 not
-- counted, 1 counted, 2 refused, 3 PostgreSQL must be asked for the day); which limit is reached, from
-- 1; the day; the seconds that are left of it; and of each limit of the tenant by the minute and by the
-- day, and of the API key by the minute and by the day: the limit, what is used of it, and the seconds
-- until it starts anew. What is not known is a hyphen.
local ENDED = '9007199254740991'
local WINDOW = 60000

local time = redis.call('TIME')
local seconds = tonumber(time[1])
local millis = seconds * 1000 + math.floor(tonumber(time[2]) / 1000)
local fresh = tonumber(ARGV[4])

local function known(key)
  local found =
    redis.call('HMGET', key, 'version', 'checked', 'per_minute', 'per_day', 'id', 'ends')
  found.version, found.age = found[1], found[2] and seconds - tonumber(found[2])
  found.is_fresh = found.age and found.age < fresh
  return found
end

-- A snapshot is far longer than all the rest: it is read where the instance has another.
local function snapshot(key, found, own)
  return found.version and found.version ~= own and redis.call('HGET', key, 'snapshot')
end

local tenant, caller = known(KEYS[1]), known(KEYS[2])
local session = KEYS[3] and known(KEYS[3]) or {}

local day = math.floor(seconds / 86400)
local left = 86400 - seconds % 86400
-- Of one hash slot with the keys that were named: the tenant is in braces.
local prefix = string.match(KEYS[1], '^t:{[^}]*}:')

local function may_act()
  if not (tenant.is_fresh and caller.is_fresh) then return false end
  if KEYS[3] then
    return caller.version == ARGV[2] and session.version == '1' and session.is_fresh
  end
  return caller.version ~= ENDED and not (caller[6] and seconds >= tonumber(caller[6]))
end

local names, counters, order = {}, {}, {}

local function limit(index, key, most, window)
  if not most then return end
  names[#names + 1] = key
  order[#order + 1] = index
  counters[index] = { key = key, most = most, window = window }
end

-- What was counted: of a day a number; of a minute, which opens with the first call in it, the number
-- and the millisecond of its end.
local function read(counter, kept)
  if counter.window then
    local used, ends = string.match(kept or '', '^(%d+) (%d+)$')
    counter.used, counter.ends = tonumber(used or 0), tonumber(ends or millis + WINDOW)
    if counter.ends <= millis then counter.used, counter.ends = 0, millis + WINDOW end
    counter.reset = math.max(1, math.ceil((counter.ends - millis) / 1000))
  else
    counter.used, counter.reset = kept and tonumber(kept), left
  end
end

local function count(counter)
  if counter.window then
    counter.used = counter.used + 1
    redis.call('SET', counter.key, string.format('%d %.0f', counter.used, counter.ends),
               'PXAT', string.format('%.0f', counter.ends))
  else
    counter.used = redis.call('INCR', counter.key)
    if counter.used == 1 then redis.call('EXPIRE', counter.key, ARGV[7]) end
  end
end

local what = ARGV[3]
local outcome, reached = 0, '-'
-- A tenant that takes no requests has no limits here.
local is_counted = what ~= 'none' and may_act() and (what == 'caller' or tenant[3])
if is_counted then
  if what ~= 'caller' then
    limit(1, prefix .. 'calls:minute', tenant[3], true)
    limit(2, prefix .. 'usage:api_calls:' .. day, tenant[4], false)
  end
  if caller[5] then
    local own = prefix .. 'calls:' .. caller[5]
    limit(3, own .. ':minute', caller[3], true)
    limit(4, own .. ':day:' .. day, caller[4], false)
  end
  local kept = #names > 0 and redis.call('MGET', unpack(names)) or {}
  for place, index in ipairs(order) do read(counters[index], kept[place]) end
  local of_key, of_day = counters[4], counters[2]
  if of_key then of_key.used = of_key.used or 0 end
  if what == 'peek' then
    if of_day and not of_day.used then counters[2] = nil end
  else
    outcome = 1
    if of_day and not of_day.used then
      if ARGV[5] ~= '' and ARGV[6] == tostring(day) then
        of_day.used = tonumber(ARGV[5])
        redis.call('SET', of_day.key, ARGV[5], 'EX', ARGV[7])
      else
        outcome = 3
      end
    end
  end
  if outcome == 1 then
    for _, index in ipairs(order) do
      local counter = counters[index]
      if outcome == 1 and counter.used >= tonumber(counter.most) then
        outcome, reached = 2, index
      end
    end
  end
  if outcome == 1 then
    for _, index in ipairs(order) do count(counters[index]) end
  end
end

local told = {
  tenant.version or '-', tenant.age or '-', caller.version or '-', caller.age or '-',
  session.version or '-', session.age or '-', outcome, reached, day, left,
}
for index = 1, 4 do
  local counter = counters[index]
  told[#told + 1] = counter and counter.most or '-'
  told[#told + 1] = counter and string.format('%.0f', counter.used or 0) or '-'
  told[#told + 1] = counter and counter.reset or '-'
end
return {
  table.concat(told, ' '),
  snapshot(KEYS[1], tenant, ARGV[1]),
  snapshot(KEYS[2], caller, ARGV[2]),
}
