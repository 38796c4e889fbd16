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
