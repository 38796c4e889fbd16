-- Carries the usage that an earlier process counted over to the counter of a day. A counter that does not exist yet
-- starts with this usage: the instance that starts it may have read PostgreSQL before the usage was stored there.
-- KEYS: the counter and, for a report that the catalog has stored, the key that stores its result.
-- ARGV: the process that counted, its usage, and the seconds for which to keep the counter.
-- Returns the counter without the reports that the catalog has not stored. Returns 0 if the counter does not exist, or
-- if this process counted a usage that is not a report.
local used, millis = tonumber(ARGV[2]), ARGV[3] * 1000
if KEYS[2] then
  local amount = redis.call('GETDEL', KEYS[2] .. ':unsettled')
  if amount then redis.call('DECRBY', KEYS[1] .. ':unsettled', amount) end
end
if ARGV[1] == this_process then return KEYS[2] and settled(KEYS[1]) or 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then
  raise(KEYS[1], used, millis)
else
  local floor = KEYS[1] .. ':floor'
  redis.call('SET', floor, math.max(used, tonumber(redis.call('GET', floor) or 0)), 'PX', millis)
end
return settled(KEYS[1])
