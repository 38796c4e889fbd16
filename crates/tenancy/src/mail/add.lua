-- Adds a tenant whose messages are due, or moves it forward.
-- KEYS[1]: the tenants by the time in milliseconds at which they are due.
-- ARGV[1]: the tenant. ARGV[2]: the milliseconds until it is due. ARGV[3]: the milliseconds for which the key is kept.
local time = redis.call('TIME')
local at = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], 'LT', string.format('%.0f', at), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
