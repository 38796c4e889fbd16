-- Takes the tenants whose messages are due: each one is due again later, in case nobody releases it.
-- KEYS[1]: the tenants by the time in milliseconds at which they are due.
-- ARGV[1]: the maximum number. ARGV[2]: the milliseconds until they are due again.
-- Returns the time at which they are due again, then the tenants.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local until_ = string.format('%.0f', now + tonumber(ARGV[2]))
local reply = { until_ }
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, ARGV[1])
for _, tenant in ipairs(due) do
  redis.call('ZADD', KEYS[1], until_, tenant)
  reply[#reply + 1] = tenant
end
return reply
