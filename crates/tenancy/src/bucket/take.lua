-- Takes one unit from each bucket, or from none if one of them is empty (the generic cell rate algorithm).
-- KEYS: the buckets, each the time in milliseconds at which it is full again.
-- ARGV: for each bucket the units that it holds, then the units that are refilled per minute.
-- Returns the milliseconds until every bucket has a unit; 0 if the units were taken.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local wait = 0
local full = {}
for index, key in ipairs(KEYS) do
  local burst, per_minute = tonumber(ARGV[2 * index - 1]), tonumber(ARGV[2 * index])
  local interval = 60000 / per_minute
  local at = math.max(tonumber(redis.call('GET', key) or 0), now)
  full[index] = at + interval
  wait = math.max(wait, at - now - (burst - 1) * interval)
end
if wait > 0 then
  return math.ceil(wait)
end
for index, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.3f', full[index]), 'PX', math.ceil(full[index] - now) + 1)
end
return 0
