-- Admits a call: reads the cache entries of the tenant, of the caller (a user or an API key) and of the session. If the
-- caller may act and no limit is reached, it takes one call from the limits of the tenant and of the API key. Either
-- all limits count the call or none of them does.
-- KEYS: the entries of the tenant, of the caller, and of the session (absent for an API key).
-- ARGV:
-- 1: the version of the tenant that the instance has;
-- 2: the version of the caller that the instance has (API key), or the version in the token (user);
-- 3: the limits to count: `all`, `caller` or `none`, or `peek` to report everything and count nothing.
-- ARGV 4 to 18 are present if PostgreSQL was queried or the instance saw counters of an earlier process:
-- 4 to 6: the tenant's and the API key's usage of the day in PostgreSQL, and the number of that day (empty if
-- PostgreSQL was not queried);
-- 7 to 18: for each of the four limits the process (empty if there is none), the usage, and either the milliseconds
-- left of the minute or the number of the day.
-- Returns the snapshots of the tenant and of the caller, if the instance has other versions, and one string of
-- eight-byte numbers, in which -1 means unknown:
-- - the version and the freshness of the tenant, of the caller and of the session;
-- - the outcome: 0 not counted; 1 counted; 2 refused; 3 PostgreSQL must be queried for the day; 4 to 6 counted, 7 to 9
--   refused, and this call must write the checkpoint of the tenant's day, of the key's day, or of both;
-- - the number of the reached limit, from 1;
-- - the number of the day and the seconds left of it;
-- - for each limit (tenant per minute, tenant per day, API key per minute, API key per day): the limit, its usage, and
--   the seconds until its window ends. The limits of the API key are present only if an API key calls.
local TOMBSTONE = '9007199254740991'
-- The number of seconds for which a version stays fresh after it was compared with PostgreSQL.
local FRESH = 60
-- The number of seconds after which one call must schedule a refresh, while it proceeds like all others. Each entry
-- adds up to 9 seconds, so that entries that were compared at one time are not due at one time.
local DUE_AFTER = 36
-- The number of seconds that one call has to schedule the refresh, and to compare a stale version.
local DUE_PATIENCE, PATIENCE = 6, 2
-- The number of seconds after which another call must write the checkpoint of a day.
local KEEP_EVERY = 2
-- The number of seconds for which the counter of a day is kept.
local DAY_KEPT = 3 * 24 * 60 * 60
-- The freshness of a version. It is valid from COUNTS on.
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
  caller = call('HMGET', KEYS[2], 'version', 'checked', 'per_minute', 'per_day', 'id', 'ends', 'kept')
  session = {}
end
local day = math.floor(seconds / 86400)
local left = 86400 - seconds % 86400

local function standing(key, version, checked)
  local age = checked and seconds - checked
  -- The clock of the machine was set back, so the age of the entry is unknown.
  if age and age < -1 then age = nil end
  -- The last digit of the tenant's id, which is in braces, serves as a random number.
  if age and (age < DUE_AFTER
    or age < DUE_AFTER + string.byte(key, string.find(key, '}', 1, true) - 1) % 16) then
    return COUNTS
  end
  local counts = age and age < FRESH
  local asked = call('HGET', key, 'asked')
  -- The call that had to schedule the refresh while the version was fresh is not comparing it now.
  if not counts and asked and checked and asked - checked < FRESH then asked = nil end
  if asked and seconds - asked < (counts and DUE_PATIENCE or PATIENCE) then
    return counts and COUNTS or IS_BEING_COMPARED
  end
  call('HSET', key, 'asked', seconds)
  -- An unknown name may be invented and is not worth the memory.
  if not version then call('EXPIRE', key, PATIENCE) end
  return counts and DUE or TO_COMPARE
end

local told = {
  tonumber(tenant[1] or -1), standing(KEYS[1], tenant[1], tenant[2]),
  tonumber(caller[1] or -1), standing(KEYS[2], caller[1], caller[2]),
  tonumber(session[1] or -1), KEYS[3] and standing(KEYS[3], session[1], session[2]) or COUNTS,
  0, -1, day, left,
  -1, -1, -1, -1, -1, -1,
}
local function answer()
  -- A snapshot is far longer than everything else, so it is read only if the instance has another version.
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
  may_act = caller[1] ~= TOMBSTONE and not (caller[6] and seconds >= tonumber(caller[6]))
end

local what = ARGV[3]
-- A tenant that takes no requests has no limits here.
if not may_act or what == 'none' or (what ~= 'caller' and not tenant[3]) then return answer() end

-- The counters, by their places in `told`. The counters of a minute have odd places.
local places, names = {}, {}
local function limit(place, name, most)
  if not most then return end
  places[#places + 1], names[place] = place, name
  told[FIRST + 3 * (place - 1)] = tonumber(most)
end
-- The counters share the hash slot of the keys, because the tenant's id is in braces.
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

local is_asked = ARGV[6] == tostring(day)

-- Carries over the counts of an earlier process: the checkpoint of a day, and the counters that the instance saw.
local function carry(place)
  local at = 7 + 3 * (place - 1)
  local is_day, process, until_end = place % 2 == 0, ARGV[at], tonumber(ARGV[at + 2])
  local seen, millis = 0, is_day and DAY_KEPT * 1000 or 60000
  if process and process ~= '' and process ~= this_process and (not is_day or until_end == day) then
    seen = tonumber(ARGV[at + 1])
    if not is_day then millis = math.max(until_end, 1) end
  end
  local used = seen
  if is_day and is_asked then used = math.max(seen, tonumber(ARGV[3 + place / 2]) or 0) end
  -- A day starts from its checkpoint, and only after PostgreSQL was queried for it.
  local may_start = is_day and is_asked or not is_day and seen > 0
  if not (may_start and start(names[place], used, millis)) and seen > 0 then
    raise(names[place], seen, millis)
  end
end
if ARGV[4] then
  for _, place in ipairs(places) do carry(place) end
end

local function take_back(last)
  for _, place in ipairs(places) do
    call('DECR', names[place])
    if place == last then return end
  end
end

-- Returns whether this call must write the checkpoint of a day. One call does so every few seconds.
local function is_due(key, kept)
  if kept and seconds - kept < KEEP_EVERY and math.floor(kept / 86400) == day then return false end
  call('HSET', key, 'kept', seconds)
  return true
end

if what ~= 'peek' then
  told[OUTCOME] = 1
  for _, place in ipairs(places) do
    local used = call('INCR', names[place])
    if used == 1 and place % 2 == 0 and not is_asked then
      take_back(place)
      call('DEL', names[place])
      told[OUTCOME] = 3
      break
    elseif used > told[FIRST + 3 * (place - 1)] then
      take_back(place)
      told[OUTCOME], told[REACHED] = 2, place
      break
    end
    -- The window of a minute opens with the first call in it.
    if used == 1 then call('EXPIRE', names[place], place % 2 == 1 and 60 or DAY_KEPT) end
    tell(place, used)
  end
  local is_counted = told[OUTCOME] == 1
  -- A refused call writes checkpoints, too: the calls that reached the limit may have been the last counted ones.
  if is_counted or told[OUTCOME] == 2 then
    local tenant_is_due = names[2] and is_due(KEYS[1], tenant[5])
    local key_is_due = names[4] and is_due(KEYS[2], caller[7])
    if tenant_is_due or key_is_due then
      told[OUTCOME] = (is_counted and 4 or 7) + ((tenant_is_due and key_is_due) and 2 or (key_is_due and 1 or 0))
    end
  end
  if is_counted then return answer() end
end

for _, place in ipairs(places) do
  local used = call('GET', names[place])
  -- For a day, PostgreSQL may have a higher number.
  if used or place % 2 == 1 then
    tell(place, tonumber(used or 0))
  else
    told[FIRST + 3 * (place - 1)] = -1
  end
end
return answer()
