-- Takes an amount from a tenant's quota of a day.
-- KEYS: the counter of the day and, for a report that is counted only once, the key that stores its result.
-- ARGV:
-- 1: the amount;
-- 2: the limit;
-- 3: the usage in PostgreSQL (empty if it was not queried);
-- 4: the seconds for which to keep the counter;
-- 5: the seconds for which to keep the report;
-- 6 to 8: the process (empty if there is none), the usage and the day of a counter that the instance saw in an earlier
-- process.
-- Returns the outcome (0: over the limit; 1: taken; 2: taken before; -1: PostgreSQL must be queried first), the usage,
-- the process, and the usage without the reports that the catalog has not stored.
local amount, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
if KEYS[2] then
  local before = redis.call('GET', KEYS[2])
  if before then
    return { 2, tonumber(before), this_process, settled(KEYS[1]) }
  end
end
local seen = ARGV[6] ~= '' and ARGV[6] ~= this_process and tonumber(ARGV[7]) or 0
local millis = ARGV[4] * 1000
if ARGV[3] ~= '' then start(KEYS[1], math.max(tonumber(ARGV[3]), seen), millis) end
raise(KEYS[1], seen, millis)
local used = tonumber(redis.call('GET', KEYS[1]))
if not used then
  return { -1, 0, this_process, 0 }
end
if used + amount > limit then
  return { 0, used, this_process, 0 }
end
used = redis.call('INCRBY', KEYS[1], amount)
if KEYS[2] then
  redis.call('SET', KEYS[2], used, 'EX', ARGV[5])
  redis.call('SET', KEYS[2] .. ':unsettled', amount, 'EX', ARGV[5])
  redis.call('INCRBY', KEYS[1] .. ':unsettled', amount)
  redis.call('PEXPIRE', KEYS[1] .. ':unsettled', millis)
end
return { 1, used, this_process, settled(KEYS[1]) }
