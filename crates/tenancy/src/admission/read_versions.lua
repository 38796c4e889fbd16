-- KEYS: the tenant's and the user's hash. ARGV: the version of the tenant that the caller has.
-- Returns the tenant's version, its age in seconds, its snapshot where the caller has another, and
-- the user's version and age; nil for what is not known.
local now = tonumber(redis.call('TIME')[1])
local function age(checked)
  return checked and now - tonumber(checked)
end
local tenant = redis.call('HMGET', KEYS[1], 'version', 'checked')
local user = redis.call('HMGET', KEYS[2], 'version', 'checked')
local snapshot = false
if tenant[1] and tenant[1] ~= ARGV[1] then
  snapshot = redis.call('HGET', KEYS[1], 'snapshot')
end
return { tenant[1], age(tenant[2]), snapshot, user[1], age(user[2]) }
