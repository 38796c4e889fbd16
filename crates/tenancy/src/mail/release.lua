-- Ends the visit of a tenant, and adds the tenant if it is due again.
-- KEYS[1]: the tenants by the time in milliseconds at which they are due.
-- ARGV[1]: the tenant. ARGV[2]: the time that take.lua returned, or empty if the tenant was not taken.
-- ARGV[3]: the milliseconds until it is due, or empty. ARGV[4]: the milliseconds for which the key is kept.
if ARGV[2] ~= '' then
  -- A message that was written during the visit has moved the tenant forward.
  local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if at and tonumber(at) == tonumber(ARGV[2]) then
    redis.call('ZREM', KEYS[1], ARGV[1])
  end
end
if ARGV[3] ~= '' then
  local time = redis.call('TIME')
  local at = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[3])
  redis.call('ZADD', KEYS[1], 'LT', string.format('%.0f', at), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return 1
