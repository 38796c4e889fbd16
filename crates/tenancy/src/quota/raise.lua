-- Carries a usage that an earlier process counted over to the counter of a day. A counter that does not exist yet starts
-- with it: the instance that starts it may have read PostgreSQL before the usage was stored there.
-- KEYS: the counter. ARGV: the process that counted, its usage, the seconds to keep the counter.
-- Returns the counter (0 when it does not exist) if another process counted the usage, and 0 else.
local used, millis = tonumber(ARGV[2]), ARGV[3] * 1000
if ARGV[1] == this_process then return 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then
  raise(KEYS[1], used, millis)
else
  local floor = KEYS[1] .. ':floor'
  redis.call('SET', floor, math.max(used, tonumber(redis.call('GET', floor) or 0)), 'PX', millis)
end
return tonumber(redis.call('GET', KEYS[1]) or 0)
