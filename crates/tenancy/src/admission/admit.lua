-- Admits a call: reads the cache entries of the tenant, of the caller (a user or an API key) and of the session. If the
-- caller may act and no limit is reached, it takes one call from the limits of the tenant and of the API key. Either
-- all limits count the call or none of them does. On request it grants a lease (docs/decisions/0015-leases.md). The
-- renewal of a lease counts no call besides the units of the next lease.
--
-- `admission/protocol.rs` declares the constants, the positions of the arguments, and the numbers of the reply.
-- KEYS: the entries of the tenant, of the caller, and of the session (absent for an API key).
-- ARGV: see `Position`. The counters of earlier processes are, for each of the four limits: the process (empty if there
-- is none), the usage, and either the milliseconds left of the minute or the number of the day.
-- Returns the snapshots of the tenant and of the caller, if the instance has other versions, and one string of
-- eight-byte numbers, in which -1 means unknown: the numbers of `Number`, then for each limit (tenant per minute,
-- tenant per day, API key per minute, API key per day) the limit, its usage, and the seconds until its window ends, and
-- then the numbers of `LeaseNumber` if a lease was requested. The limits of the API key are present only if an API key
-- calls.
local call = redis.call

local time = call('TIME')
local seconds = tonumber(time[1])
local now = seconds * 1000 + math.floor(tonumber(time[2]) / 1000)
local tenant = call('HMGET', KEYS[1], 'version', 'checked', 'per_minute', 'per_day', 'kept')
local caller, session
if KEYS[3] then
  caller = call('HMGET', KEYS[2], 'version', 'checked')
  session = call('HMGET', KEYS[3], 'version', 'checked')
else
  caller = call('HMGET', KEYS[2], 'version', 'checked', 'per_minute', 'per_day', 'id', 'ends', 'kept')
  session = {}
end
local day = math.floor(seconds / DAY_SECONDS)
local left = DAY_SECONDS - seconds % DAY_SECONDS

local function freshness(key, version, checked)
  local age = checked and seconds - checked
  -- The clock of the machine was set back, so the age of the entry is unknown.
  if age and age < -1 then age = nil end
  -- The last digit of the tenant's id, which is in braces, serves as a random number.
  if age and (age < REFRESH_AFTER
    or age < REFRESH_AFTER + string.byte(key, string.find(key, '}', 1, true) - 1) % 16) then
    return FRESH
  end
  local is_fresh = age and age < FRESH_SECONDS
  local asked = call('HGET', key, 'asked')
  -- The call that had to schedule the refresh while the version was fresh is not comparing it now.
  if not is_fresh and asked and checked and asked - checked < FRESH_SECONDS then asked = nil end
  if asked and seconds - asked < (is_fresh and REFRESH_PATIENCE or COMPARISON_PATIENCE) then
    return is_fresh and FRESH or REVALIDATING
  end
  call('HSET', key, 'asked', seconds)
  -- An unknown name may be invented and is not worth the memory.
  if not version then call('EXPIRE', key, COMPARISON_PATIENCE) end
  return is_fresh and REFRESH_DUE or STALE
end

local limits = KEYS[3] and 2 or 4
local reply = {
  [TENANT_VERSION] = tonumber(tenant[1] or -1),
  [TENANT_FRESHNESS] = freshness(KEYS[1], tenant[1], tenant[2]),
  [CALLER_VERSION] = tonumber(caller[1] or -1),
  [CALLER_FRESHNESS] = freshness(KEYS[2], caller[1], caller[2]),
  [SESSION_VERSION] = tonumber(session[1] or -1),
  [SESSION_FRESHNESS] = KEYS[3] and freshness(KEYS[3], session[1], session[2]) or FRESH,
  [OUTCOME] = NOT_COUNTED,
  [REACHED_LIMIT] = -1,
  [TENANT_CHECKPOINT] = 0,
  [API_KEY_CHECKPOINT] = 0,
  [REFUSAL_WAIT] = 0,
  [DAY] = day,
  [SECONDS_LEFT] = left,
}
local length = FIRST_LIMIT - 1 + 3 * limits
for place = FIRST_LIMIT, length do reply[place] = -1 end

-- The counters and the leases share the hash slot of the keys, because the tenant's id is in braces.
local prefix = string.sub(KEYS[1], 1, -7)
local request = ARGV[LEASE_REQUEST] and ARGV[LEASE_REQUEST] ~= '' and read_request(ARGV[LEASE_REQUEST])
if request then
  settle(prefix, request)
  for place = length + 1, length + LEASE_NUMBERS_END - 1 do reply[place] = -1 end
  reply[length + CHANGE_TOKEN] = change_token(prefix, request)
end

local function answer()
  -- A snapshot is far longer than everything else, so it is read only if the instance has another version.
  local count = length + (request and LEASE_NUMBERS_END - 1 or 0)
  return {
    tenant[1] and tenant[1] ~= ARGV[OWN_TENANT_VERSION] and call('HGET', KEYS[1], 'snapshot'),
    caller[1] and caller[1] ~= ARGV[OWN_CALLER_VERSION] and not KEYS[3] and call('HGET', KEYS[2], 'snapshot'),
    struct.pack('>' .. string.rep('i8', count), unpack(reply, 1, count)),
  }
end

local may_act = reply[TENANT_FRESHNESS] >= FRESH and reply[CALLER_FRESHNESS] >= FRESH
  and reply[SESSION_FRESHNESS] >= FRESH
if may_act and KEYS[3] then
  may_act = caller[1] == ARGV[OWN_CALLER_VERSION] and session[1] == '1'
elseif may_act then
  may_act = reply[CALLER_VERSION] ~= TOMBSTONE and not (caller[6] and seconds >= tonumber(caller[6]))
end

local metering = tonumber(ARGV[METERING])
if not may_act or (metering ~= COUNT_CALLER and not tenant[3]) then
  -- An instance may still admit the caller under a lease from before a recent change.
  reply[REFUSAL_WAIT] = refusal_wait(prefix)
  -- A tenant that takes no requests has no limits here.
  return answer()
end

-- Grants a lease with units. `counted` is the number of units that the counters contain already.
local function grant(units, counted, places, names)
  if not request or request.wanted < 0 then return end
  local milliseconds, ends = left * 1000 - now % 1000, {}
  for _, place in ipairs(places) do
    call('INCRBY', names[place], units - counted)
    if place % 2 == 1 then
      ends[place] = call('PEXPIRETIME', names[place])
      milliseconds = math.min(milliseconds, ends[place] - now)
    end
  end
  local text = units > 0 and write_units(units, places, day, ends[1] or -1, ends[3] or -1, caller[5]) or nil
  reply[length + LEASE] = grant_lease(prefix, request, text)
  reply[length + UNITS] = units
  reply[length + MILLISECONDS_LEFT] = math.max(milliseconds, 0)
end

if metering == COUNT_NONE then
  grant(0, 0, {}, {})
  return answer()
end

-- The counters, by their places in `reply`. The counters of a minute have odd places.
local places, names = {}, {}
local function limit(place, most)
  if not most then return end
  places[#places + 1], names[place] = place, counter_of(prefix, place, caller[5], day)
  reply[FIRST_LIMIT + 3 * (place - 1)] = tonumber(most)
end
if metering ~= COUNT_CALLER then
  limit(1, tenant[3])
  limit(2, tenant[4])
end
if caller[5] then
  limit(3, caller[3])
  limit(4, caller[4])
end

local function tell(place, used)
  local at = FIRST_LIMIT + 3 * (place - 1)
  reply[at + 1], reply[at + 2] = used, left
  if place % 2 == 1 then
    local millis = call('PTTL', names[place])
    reply[at + 2] = millis > 0 and math.ceil(millis / 1000) or MINUTE_SECONDS
  end
end

local is_asked = ARGV[KEPT_DAY] == tostring(day)

-- Carries over the counts of an earlier process: the checkpoint of a day, and the counters that the instance saw.
local function carry(place)
  local at = FIRST_SEEN + 3 * (place - 1)
  local is_day, process, until_end = place % 2 == 0, ARGV[at], tonumber(ARGV[at + 2])
  local seen, millis = 0, (is_day and DAY_KEPT or MINUTE_SECONDS) * 1000
  if process and process ~= '' and process ~= this_process and (not is_day or until_end == day) then
    seen = tonumber(ARGV[at + 1])
    if not is_day then millis = math.max(until_end, 1) end
  end
  local used = seen
  if is_day and is_asked then used = math.max(seen, tonumber(ARGV[KEPT_TENANT - 1 + place / 2]) or 0) end
  -- A day starts from its checkpoint, and only after PostgreSQL was queried for it.
  local may_start = is_day and is_asked or not is_day and seen > 0
  if not (may_start and start(names[place], used, millis)) and seen > 0 then
    raise(names[place], seen, millis)
  end
end
if ARGV[KEPT_DAY] then
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
  if kept and seconds - kept < CHECKPOINT_SECONDS and math.floor(kept / DAY_SECONDS) == day then return 0 end
  call('HSET', key, 'kept', seconds)
  return 1
end

if metering ~= PEEK then
  -- The call that a renewal counts is the first unit of its lease.
  local prepaid = metering == RENEWAL and 1 or 0
  reply[OUTCOME] = COUNTED
  local units = request and request.wanted or 0
  for _, place in ipairs(places) do
    local used = call('INCR', names[place])
    local most = reply[FIRST_LIMIT + 3 * (place - 1)]
    if used == 1 and place % 2 == 0 and not is_asked then
      take_back(place)
      call('DEL', names[place])
      reply[OUTCOME] = DAY_UNKNOWN
      break
    elseif used > most then
      take_back(place)
      reply[OUTCOME], reply[REACHED_LIMIT] = REFUSED, place
      break
    end
    -- The window of a minute opens with the first call in it.
    if used == 1 then call('EXPIRE', names[place], place % 2 == 1 and MINUTE_SECONDS or DAY_KEPT) end
    tell(place, used - prepaid)
    units = math.min(units, math.floor((most - used) / PREPAID_SHARE))
  end
  local is_counted = reply[OUTCOME] == COUNTED
  -- A refused call writes checkpoints, too: the calls that reached the limit may have been the last counted ones.
  if is_counted or reply[OUTCOME] == REFUSED then
    reply[TENANT_CHECKPOINT] = names[2] and is_due(KEYS[1], tenant[5]) or 0
    reply[API_KEY_CHECKPOINT] = names[4] and is_due(KEYS[2], caller[7]) or 0
  end
  if is_counted then
    if units > 0 then grant(units, prepaid, places, names) elseif prepaid > 0 then take_back() end
    return answer()
  end
end

for _, place in ipairs(places) do
  local used = call('GET', names[place])
  -- For a day, PostgreSQL may have a higher number.
  if used or place % 2 == 1 then
    tell(place, tonumber(used or 0))
  else
    reply[FIRST_LIMIT + 3 * (place - 1)] = -1
  end
end
return answer()
