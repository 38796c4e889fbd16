-- What is known of a tenant, of who calls (a user or an API key) and of the session; and one call
-- taken from the limits of the tenant and of the API key, if nothing keeps the caller from acting and
-- no limit is reached. Either all of them count the call or none.
-- KEYS: the hashes of the tenant, of the caller, and of the session (none for an API key).
-- ARGV: the version of the tenant that the instance has; the version of the caller that the instance
-- has (of an API key) or that the token says (of a user); what to count: all, caller or none, or peek
-- to tell of all and count nothing; and, where PostgreSQL was asked, what it has of the day, and which
-- day that is.
-- Returns the snapshots of the tenant and of the caller where the instance has others, and numbers of
-- eight bytes in one text, -1 for what is not known: of the tenant, of the caller and of the session
-- the version and whether it counts; what came of the counting (0 not counted, 1 counted, 2 refused,
-- 3 PostgreSQL must be asked for the day, 4 counted, and this call has to see to it that PostgreSQL
-- keeps the day); which limit is reached, from 1; the day; the seconds that are left of it; and of each
-- limit of the tenant by the minute and by the day, and of the API key by the minute and by the day:
-- the limit, what is used of it, and the seconds until it starts anew (those of the API key where one
-- calls).
local ENDED = '9007199254740991'
-- Seconds for which a version counts after it was compared with PostgreSQL.
local FRESH = 60
-- Seconds after which one call has to see to it that it is compared again, while it goes on as all others
-- do: from this on, and up to 9 later, so that what was compared at one time is not due at one time.
local DUE_AFTER = 36
-- Seconds for which one call is left to see to that, and to compare what does not count.
local DUE_PATIENCE, PATIENCE = 6, 2
-- Seconds after which another call has to see to it that PostgreSQL keeps the day.
local KEEP_EVERY = 4
-- Seconds for which the counter of a day is kept.
local DAY_KEPT = 3 * 24 * 60 * 60
-- Whether a version counts: it does from COUNTS on.
local TO_COMPARE, IS_BEING_COMPARED, COUNTS, DUE = 0, 1, 2, 3
local OUTCOME, REACHED, FIRST = 7, 8, 11
local call = redis.call

local seconds = tonumber(call('TIME')[1])
local tenant = call('HMGET', KEYS[1], 'version', 'checked', 'per_minute', 'per_day', 'kept')
local caller, session
if KEYS[3] then
  caller = call('HMGET', KEYS[2], 'version', 'checked')
  session = call('HMGET', KEYS[3], 'version', 'checked')
else
  caller = call('HMGET', KEYS[2], 'version', 'checked', 'per_minute', 'per_day', 'id', 'ends')
  session = {}
end
local day = math.floor(seconds / 86400)
local left = 86400 - seconds % 86400

local function standing(key, checked)
  local age = checked and seconds - checked
  -- The last digit of the tenant's id, which stands in braces, is as good as chance.
  if age and (age < DUE_AFTER
    or age < DUE_AFTER + string.byte(key, string.find(key, '}', 1, true) - 1) % 16) then
    return COUNTS
  end
  local counts = age and age < FRESH
  local asked = call('HGET', key, 'asked')
  -- Who was left to see to it while it counted does not compare it now.
  if not counts and asked and checked and asked - checked < FRESH then asked = nil end
  if asked and seconds - asked < (counts and DUE_PATIENCE or PATIENCE) then
    return counts and COUNTS or IS_BEING_COMPARED
  end
  call('HSET', key, 'asked', seconds)
  -- What is not known may be made up.
  if not age then call('EXPIRE', key, PATIENCE) end
  return counts and DUE or TO_COMPARE
end

local told = {
  tonumber(tenant[1] or -1), standing(KEYS[1], tenant[2]),
  tonumber(caller[1] or -1), standing(KEYS[2], caller[2]),
  tonumber(session[1] or -1), KEYS[3] and standing(KEYS[3], session[2]) or COUNTS,
  0, -1, day, left,
  -1, -1, -1, -1, -1, -1,
}
local function answer()
  -- A snapshot is far longer than all the rest: it is read where the instance has another.
  return {
    tenant[1] and tenant[1] ~= ARGV[1] and call('HGET', KEYS[1], 'snapshot'),
    caller[1] and caller[1] ~= ARGV[2] and not KEYS[3] and call('HGET', KEYS[2], 'snapshot'),
    KEYS[3] and struct.pack('>i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8', unpack(told))
      or struct.pack('>i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8', unpack(told)),
  }
end
if not KEYS[3] then
  for place = 17, 22 do told[place] = -1 end
end

local may_act = told[2] >= COUNTS and told[4] >= COUNTS and told[6] >= COUNTS
if may_act and KEYS[3] then
  may_act = caller[1] == ARGV[2] and session[1] == '1'
elseif may_act then
  may_act = caller[1] ~= ENDED and not (caller[6] and seconds >= tonumber(caller[6]))
end

local what = ARGV[3]
-- A tenant that takes no requests has no limits here.
if not may_act or what == 'none' or (what ~= 'caller' and not tenant[3]) then return answer() end

-- The counters, by their places among what is told: those of a minute are odd.
local places, names = {}, {}
local function limit(place, name, most)
  if not most then return end
  places[#places + 1], names[place] = place, name
  told[FIRST + 3 * (place - 1)] = tonumber(most)
end
-- Of one hash slot with the keys that were named: the tenant is in braces.
local prefix = string.sub(KEYS[1], 1, -7)
if what ~= 'caller' then
  limit(1, prefix .. 'calls:minute', tenant[3])
  limit(2, prefix .. 'usage:api_calls:' .. day, tenant[4])
end
if caller[5] then
  local own = prefix .. 'calls:' .. caller[5]
  limit(3, own .. ':minute', caller[3])
  limit(4, own .. ':day:' .. day, caller[4])
end

local function tell(place, used)
  local at = FIRST + 3 * (place - 1)
  told[at + 1], told[at + 2] = used, left
  if place % 2 == 1 then
    local millis = call('PTTL', names[place])
    told[at + 2] = millis > 0 and math.ceil(millis / 1000) or 60
  end
end

local function take_back(last)
  for _, place in ipairs(places) do
    call('DECR', names[place])
    if place == last then return end
  end
end

if what ~= 'peek' then
  local is_known = ARGV[5] == tostring(day)
  if is_known and names[2] then call('SET', names[2], ARGV[4], 'EX', DAY_KEPT, 'NX') end
  told[OUTCOME] = 1
  for _, place in ipairs(places) do
    local used = call('INCR', names[place])
    if used == 1 and place == 2 and not is_known then
      take_back(place)
      call('DEL', names[place])
      told[OUTCOME] = 3
      break
    elseif used > told[FIRST + 3 * (place - 1)] then
      take_back(place)
      told[OUTCOME], told[REACHED] = 2, place
      break
    end
    -- A window of a minute opens with the first call in it.
    if used == 1 then call('EXPIRE', names[place], place % 2 == 1 and 60 or DAY_KEPT) end
    tell(place, used)
  end
  if told[OUTCOME] == 1 then
    -- Whoever was told a moment ago keeps the day of then.
    local is_told = tenant[5] and seconds - tenant[5] < KEEP_EVERY
      and math.floor(tenant[5] / 86400) == day
    if names[2] and not is_told then
      call('HSET', KEYS[1], 'kept', seconds)
      told[OUTCOME] = 4
    end
    return answer()
  end
end

for _, place in ipairs(places) do
  local used = call('GET', names[place])
  -- Of the day PostgreSQL may know more.
  if used or place ~= 2 then
    tell(place, tonumber(used or 0))
  else
    told[FIRST + 3 * (place - 1)] = -1
  end
end
return answer()
