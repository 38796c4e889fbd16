-- Returns the milliseconds since an instance first called this script in this process. A negative number means that
-- Redis's clock was set back.
-- KEYS: the time of the first call.
-- ARGV: the seconds for which to keep it.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('SET', KEYS[1], now, 'NX', 'EX', ARGV[1])
return now - tonumber(redis.call('GET', KEYS[1]))
