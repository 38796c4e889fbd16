-- Takes from what a tenant may use in a day.
-- KEYS: the counter of the day and, where a use is reported once, what is kept of the report.
-- ARGV: how much, the limit, what PostgreSQL has (empty where it was not asked), the seconds to keep
-- the counter, the seconds to keep the report.
-- Returns whether it was taken (0: over the limit; -1: PostgreSQL must be asked first; 2: it was
-- taken before), and how much is used.
local amount, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
if KEYS[2] then
  local before = redis.call('GET', KEYS[2])
  if before then
    return { 2, tonumber(before) }
  end
end
local used = tonumber(redis.call('GET', KEYS[1]))
if not used then
  if ARGV[3] == '' then
    return { -1, 0 }
  end
  used = tonumber(ARGV[3])
  redis.call('SET', KEYS[1], used, 'EX', ARGV[4])
end
if used + amount > limit then
  return { 0, used }
end
used = redis.call('INCRBY', KEYS[1], amount)
if KEYS[2] then
  redis.call('SET', KEYS[2], used, 'EX', ARGV[5])
end
return { 1, used }
