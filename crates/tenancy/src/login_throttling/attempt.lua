-- The function sign_in_attempt of the catalog implements the same rules.
-- KEYS: a hash for each subject, of which a success clears the first. The last key is the time at which this process
-- began to count.
-- ARGV: the step (begin, failed, succeeded, abandoned). Then for each subject: the number of failures without a delay;
-- the longest delay in seconds; whether failures expire a quarter of an hour after the first failure (1) or after the
-- last one (0); the number of its failures that the gated subjects count; and whether the subject is gated (1). A gated
-- subject counts a failure only while each subject before it has had fewer failures than that number.
-- Returns two numbers. The first is the number of milliseconds to wait: 0 to proceed, and -1 if the number of attempts
-- in progress equals the number that may still fail. The second is 1 if the catalog may have failures that this process
-- does not have, because the process began to count less than a quarter of an hour ago. For a success, the second
-- number is 1 if there were failures that the catalog must clear.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local step = ARGV[1]
local FORGET_AFTER = 900000
local subjects = #KEYS - 1
local began = KEYS[#KEYS]

local function bound(index, place)
  return tonumber(ARGV[5 * index - 4 + place])
end

local function read(key)
  local fields =
    redis.call('HMGET', key, 'failures', 'blocked_until', 'pending', 'pending_until', 'forget_at')
  local failures, forget_at = tonumber(fields[1] or 0), tonumber(fields[5] or 0)
  if forget_at > 0 and forget_at <= now then
    failures, forget_at = 0, 0
  end
  local pending = tonumber(fields[3] or 0)
  if tonumber(fields[4] or 0) <= now then
    pending = 0
  end
  return failures, tonumber(fields[2] or 0), pending, forget_at
end

if step == 'begin' then
  local wait = 0
  redis.call('SET', began, now, 'NX')
  redis.call('EXPIRE', began, 86400)
  local is_young = now - tonumber(redis.call('GET', began)) < FORGET_AFTER and 1 or 0
  for index = 1, subjects do
    local failures, blocked_until, pending = read(KEYS[index])
    if blocked_until > now then
      wait = math.max(wait, blocked_until - now)
    elseif wait == 0 and pending >= math.max(1, bound(index, 1) - failures) then
      wait = -1
    end
  end
  if wait == 0 then
    for index = 1, subjects do
      local key = KEYS[index]
      local _, _, pending = read(key)
      redis.call('HSET', key, 'pending', pending + 1, 'pending_until', now + 30000)
      -- This only limits memory. Failures expire at their own time.
      if redis.call('TTL', key) < 60 then
        redis.call('EXPIRE', key, 900)
      end
    end
  end
  return { wait, is_young }
end

local had_failures = 0
local is_open = true
for index = 1, subjects do
  local key = KEYS[index]
  local failures, _, pending, forget_at = read(key)
  local counts = is_open or bound(index, 5) == 0
  if failures >= bound(index, 4) then
    is_open = false
  end
  if redis.call('EXISTS', key) == 1 then
    redis.call('HSET', key, 'pending', math.max(pending - 1, 0))
    if step == 'succeeded' and index == 1 then
      had_failures = failures > 0 and 1 or 0
      redis.call('HSET', key, 'failures', 0)
    elseif step == 'failed' and counts then
      local threshold, longest = bound(index, 1), bound(index, 2)
      failures = failures + 1
      local delay = 0
      if failures >= threshold then
        delay = math.min(2 ^ math.min(failures - threshold, 30), longest) * 1000
      end
      if bound(index, 3) == 0 or forget_at == 0 then
        forget_at = now + delay + FORGET_AFTER
      end
      redis.call('HSET', key, 'failures', failures, 'blocked_until', now + delay,
        'forget_at', forget_at)
      redis.call('PEXPIRE', key, math.max(forget_at, now + delay) - now + 60000)
    end
  end
end
return { 0, had_failures }
