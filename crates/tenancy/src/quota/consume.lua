-- Takes from what a tenant may use in a day.
-- KEYS: the counter of the day, and what was last kept of it in PostgreSQL.
-- ARGV: how much, the limit, what PostgreSQL has (empty where it was not asked), the seconds to keep.
-- Returns whether it was taken (-1: PostgreSQL must be asked first), how much is used, and whether it
-- is time to keep it in PostgreSQL.
local amount, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local used = tonumber(redis.call('GET', KEYS[1]))
if not used then
  if ARGV[3] == '' then
    return { -1, 0, 0 }
  end
  used = tonumber(ARGV[3])
  redis.call('SET', KEYS[1], used, 'EX', ARGV[4])
end
if used + amount > limit then
  return { 0, used, 0 }
end
used = redis.call('INCRBY', KEYS[1], amount)
-- Kept five seconds after the last time, or after 256 calls, whichever comes first.
local calls = redis.call('INCR', KEYS[2])
if calls == 1 then
  redis.call('EXPIRE', KEYS[2], 5)
end
return { 1, used, (calls == 1 or calls % 256 == 0) and 1 or 0 }
