-- The functions that grant leases.

-- Reads the request of an instance for a lease: its report, the validity in milliseconds, the number of units (-1 if it
-- requests no lease), and a change token for a tenant that has none.
local function read_request(packed)
  local request = read_report(packed)
  request.milliseconds, request.wanted, request.token = struct.unpack('>i8i8i8', packed, request.rest)
  return request
end

-- Returns the change token of the tenant.
local function change_token(prefix, request)
  local leases = prefix .. 'leases'
  local token = redis.call('HGET', leases, 'change')
  if token then return tonumber(token) end
  redis.call('HSET', leases, 'change', request.token)
  redis.call('EXPIRE', leases, LEASES_KEPT)
  return request.token
end

-- Grants the next lease of the tenant and returns its number. `units` represents its units, and is nil without units.
local function grant_lease(prefix, request, units)
  local leases = prefix .. 'leases'
  local _, longest = outstanding(prefix)
  local number = redis.call('HINCRBY', leases, 'granted', 1)
  redis.call('HSET', leases, 'milliseconds', math.max(longest, request.milliseconds))
  if units then redis.call('HSET', leases, number, units) end
  redis.call('EXPIRE', leases, LEASES_KEPT)
  return number
end

-- Returns the milliseconds for which an instance waits before it refuses a caller, so that no other instance admits the
-- caller later: the validity of leases, if one that was granted before a change may not have ended.
local function refusal_wait(prefix)
  local record = redis.call('HMGET', prefix .. 'leases', 'before_change', 'ended', 'milliseconds')
  if tonumber(record[1] or 0) <= tonumber(record[2] or 0) then return 0 end
  return tonumber(record[3])
end
