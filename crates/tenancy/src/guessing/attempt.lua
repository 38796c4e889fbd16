-- The same rules are in the function sign_in_attempt of the catalog.
-- KEYS: a hash for each subject; the first one is forgotten by a success.
-- ARGV: the step (begin, failed, succeeded, abandoned); then, for each subject, how many failures
-- are let pass without a delay, the longest delay in seconds, and whether failures are forgotten a
-- quarter of an hour after the first of them (1) or after the last (0).
-- Returns how many milliseconds to wait; 0 to go on, and -1 where as many are under way as may fail.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local step = ARGV[1]

local function read(key)
  local fields = redis.call('HMGET', key, 'failures', 'blocked_until', 'pending', 'pending_until')
  local pending = tonumber(fields[3] or 0)
  if tonumber(fields[4] or 0) <= now then
    pending = 0
  end
  return tonumber(fields[1] or 0), tonumber(fields[2] or 0), pending
end

if step == 'begin' then
  local wait = 0
  for index, key in ipairs(KEYS) do
    local failures, blocked_until, pending = read(key)
    if blocked_until > now then
      wait = math.max(wait, blocked_until - now)
    elseif wait == 0 and pending >= math.max(1, tonumber(ARGV[3 * index - 1]) - failures) then
      wait = -1
    end
  end
  if wait == 0 then
    for _, key in ipairs(KEYS) do
      local _, _, pending = read(key)
      redis.call('HSET', key, 'pending', pending + 1, 'pending_until', now + 30000)
      if redis.call('TTL', key) < 60 then
        redis.call('EXPIRE', key, 900)
      end
    end
  end
  return wait
end

for index, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    local failures, _, pending = read(key)
    redis.call('HSET', key, 'pending', math.max(pending - 1, 0))
    if step == 'succeeded' and index == 1 then
      redis.call('HSET', key, 'failures', 0)
    elseif step == 'failed' then
      local threshold, longest = tonumber(ARGV[3 * index - 1]), tonumber(ARGV[3 * index])
      failures = failures + 1
      local delay = 0
      if failures >= threshold then
        delay = math.min(2 ^ math.min(failures - threshold, 30), longest)
      end
      redis.call('HSET', key, 'failures', failures, 'blocked_until', now + delay * 1000)
      if ARGV[3 * index + 1] == '0' then
        redis.call('EXPIRE', key, delay + 900)
      end
    end
  end
end
return 0
