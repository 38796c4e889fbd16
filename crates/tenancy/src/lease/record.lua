-- The functions for the leases of a tenant (docs/decisions/0015-leases.md). Their record is a hash:
-- `granted`: the number of the last lease; `ended`: the highest number up to which all leases are known to have ended;
-- `milliseconds`: the longest validity of the leases that have not ended; `change`: the change token; `before_change`:
-- the number of the last lease that was granted before a change; and for each lease whose use was not reported, its
-- number with its units (`write_units`).

-- Returns the number of the last lease and the validity in milliseconds, if a lease may not have ended; otherwise 0.
local function outstanding(prefix)
  local record = redis.call('HMGET', prefix .. 'leases', 'granted', 'ended', 'milliseconds')
  local granted = tonumber(record[1] or 0)
  if granted <= tonumber(record[2] or 0) then return 0, 0 end
  return granted, tonumber(record[3])
end

-- Records a change of a credential. A tenant without leases has no record, because no instance depends on it.
local function record_change(prefix, token)
  local leases = prefix .. 'leases'
  if redis.call('EXISTS', leases) == 0 then return end
  redis.call('HSET', leases, 'change', token, 'before_change', redis.call('HGET', leases, 'granted') or 0)
end

-- Returns the milliseconds for which an instance waits before it refuses a caller, so that no other instance admits the
-- caller later: the validity of leases, if one that was granted before a change may not have ended.
local function refusal_wait(prefix)
  local record = redis.call('HMGET', prefix .. 'leases', 'before_change', 'ended', 'milliseconds')
  if tonumber(record[1] or 0) <= tonumber(record[2] or 0) then return 0 end
  return tonumber(record[3])
end

-- Returns the name of a counter of calls by the place of its limit: tenant per minute, tenant per day, API key per
-- minute, API key per day.
local function counter_of(prefix, place, api_key, day)
  if place == 1 then return prefix .. 'calls:minute' end
  if place == 2 then return prefix .. 'usage:api_calls:' .. day end
  return prefix .. 'calls:' .. api_key .. (place == 3 and ':minute' or ':day:' .. day)
end

-- Returns the tenant's prefix, the place, the day and the API key of a day's counter of calls; nil for another counter.
local function day_of_calls(name)
  local prefix, kind = string.match(name, '^(.-}:)(.*)$')
  local day = string.match(kind, '^usage:api_calls:(%d+)$')
  if day then return prefix, 2, day, '' end
  local api_key, key_day = string.match(kind, '^calls:(.-):day:(%d+)$')
  if api_key then return prefix, 4, key_day, api_key end
end

-- Returns the text that represents the units of a lease: their number, the places of the limits that they were taken
-- from, their day, the ends of the minutes of the tenant and of the API key, and the id of the API key (empty for a
-- user).
local function write_units(units, places, day, minute_end, key_minute_end, api_key)
  return table.concat({ units, table.concat(places), day, minute_end, key_minute_end, api_key or '' }, ':')
end

local function read_units(text)
  local units, places, day, minute_end, key_minute_end, api_key =
    string.match(text, '^(%d+):(%d*):(%d+):(-?%d+):(-?%d+):(.*)$')
  return {
    units = tonumber(units), places = places, day = day, api_key = api_key,
    ends = { [1] = tonumber(minute_end), [3] = tonumber(key_minute_end) },
  }
end

-- Returns the units of leases that a day's counter contains and whose use was not reported.
local function unreported(prefix, place, day, api_key)
  local fields = redis.call('HGETALL', prefix .. 'leases')
  local total = 0
  for index = 1, #fields, 2 do
    local lease = tonumber(fields[index]) and read_units(fields[index + 1])
    if lease and lease.day == day and string.find(lease.places, place, 1, true)
      and (place == 2 or lease.api_key == api_key) then
      total = total + lease.units
    end
  end
  return total
end

-- Records that all leases up to a number have ended.
local function end_leases(prefix, number)
  local leases = prefix .. 'leases'
  if redis.call('EXISTS', leases) == 0 then return end
  if number > tonumber(redis.call('HGET', leases, 'ended') or 0) then
    redis.call('HSET', leases, 'ended', number)
  end
end

-- Returns the unused units of a lease to the windows that they were taken from. Each lease is reported once.
local function give_back(prefix, number, unused)
  local leases = prefix .. 'leases'
  local text = redis.call('HGET', leases, number)
  if not text then return end
  redis.call('HDEL', leases, number)
  if unused <= 0 then return end
  local lease = read_units(text)
  for digit in string.gmatch(lease.places, '%d') do
    local place = tonumber(digit)
    local name = counter_of(prefix, place, lease.api_key, lease.day)
    local is_minute = place % 2 == 1
    if is_minute and redis.call('PEXPIRETIME', name) == lease.ends[place]
      or not is_minute and redis.call('EXISTS', name) == 1 then
      redis.call('DECRBY', name, unused)
    end
  end
end

-- Reads the report of an instance: the process in which its leases were granted, the number up to which all leases have
-- ended, and a lease with its unused units.
local function read_report(packed)
  local process, ended, lease, unused, rest = struct.unpack('>c16i8i8i8', packed)
  return { process = process, ended = ended, lease = lease, unused = unused, rest = rest }
end

-- Applies the report of an instance. A report of an earlier process has no effect.
local function settle(prefix, report)
  if report.process ~= string.sub(KEYS[1], 1, 16) then return end
  if report.ended > 0 then end_leases(prefix, report.ended) end
  if report.lease > 0 then give_back(prefix, report.lease, report.unused) end
end
