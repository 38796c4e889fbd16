-- The functions that precede the scripts of counters.

-- The process that runs the script: the first part of each name.
local this_process = string.sub(KEYS[1], 1, 16)

-- Returns the part of a counter that later processes may start with. It excludes the reports that the catalog has not
-- stored, because a repetition of a report counts it, and the calls of leases whose use was not reported.
local function settled(name)
  local used = tonumber(redis.call('GET', name) or 0) - tonumber(redis.call('GET', name .. ':unsettled') or 0)
  local prefix, place, day, api_key = day_of_calls(name)
  return prefix and used - unreported(prefix, place, day, api_key) or used
end

-- Starts a counter that does not exist with its known usage, and returns whether it started the counter.
local function start(name, used, millis)
  used = math.max(used, tonumber(redis.call('GET', name .. ':floor') or 0))
  if not redis.call('SET', name, used, 'PX', millis, 'NX') then return false end
  redis.call('SET', name .. ':carried', used, 'PX', millis)
  return true
end

-- Raises an existing counter by the part of an earlier process's usage that was not carried over yet.
local function raise(name, used, millis)
  local carried = tonumber(redis.call('GET', name .. ':carried') or 0)
  if used <= carried or redis.call('EXISTS', name) == 0 then return end
  redis.call('INCRBY', name, used - carried)
  redis.call('SET', name .. ':carried', used, 'PX', millis)
end
