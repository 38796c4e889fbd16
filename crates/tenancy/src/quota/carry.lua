-- Functions that the scripts of counters begin with.

-- The process that runs the script: the first part of each name.
local this_process = string.sub(KEYS[1], 1, 16)

-- Returns the part of a counter that later processes may start with. Without the reports that the catalog has not stored:
-- each of them is counted again by its repetition.
local function settled(name)
  return tonumber(redis.call('GET', name) or 0) - tonumber(redis.call('GET', name .. ':unsettled') or 0)
end

-- Starts a counter that does not exist with what is known of it, and returns whether it did not exist.
local function start(name, used, millis)
  used = math.max(used, tonumber(redis.call('GET', name .. ':floor') or 0))
  if not redis.call('SET', name, used, 'PX', millis, 'NX') then return false end
  redis.call('SET', name .. ':carried', used, 'PX', millis)
  return true
end

-- Raises a counter that exists by the part of an earlier process's usage that was not carried over yet.
local function raise(name, used, millis)
  local carried = tonumber(redis.call('GET', name .. ':carried') or 0)
  if used <= carried or redis.call('EXISTS', name) == 0 then return end
  redis.call('INCRBY', name, used - carried)
  redis.call('SET', name .. ':carried', used, 'PX', millis)
end
