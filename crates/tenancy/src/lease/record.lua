-- The functions for the leases of a tenant (docs/decisions/0015-leases.md). Their record is a hash:
-- `granted`: the number of the last lease; `ended`: the highest number up to which all leases are known to have ended;
-- `milliseconds`: the longest validity of the leases that have not ended; `change`: the change token; `before_change`: the
-- number of the last lease that was granted before a change; and for each lease whose use was not reported, its number
-- with its units and the id of the API key whose limits they were taken from, if there is one.

-- Returns the number of the last lease and the validity in milliseconds, if a lease may not have ended; otherwise 0.
local function outstanding(prefix)
  local record = redis.call('HMGET', prefix .. 'leases', 'granted', 'ended', 'milliseconds')
  local granted = tonumber(record[1] or 0)
  if granted <= tonumber(record[2] or 0) then return 0, 0 end
  return granted, tonumber(record[3])
end

-- Records a change of a credential. A tenant without leases has no record, because no instance depends on it.
local function record_change(prefix, token)
  local leases = prefix .. 'leases'
  if redis.call('EXISTS', leases) == 0 then return end
  redis.call('HSET', leases, 'change', token, 'before_change', redis.call('HGET', leases, 'granted') or 0)
end

-- Returns the units of leases whose use was not reported, of all callers or of one API key.
local function unreported(prefix, api_key)
  local fields = redis.call('HGETALL', prefix .. 'leases')
  local total = 0
  for index = 1, #fields, 2 do
    if tonumber(fields[index]) then
      local units, owner = string.match(fields[index + 1], '^(%d+):?(.*)$')
      if not api_key or owner == api_key then total = total + tonumber(units) end
    end
  end
  return total
end

-- Records that all leases up to a number have ended.
local function end_leases(prefix, number)
  local leases = prefix .. 'leases'
  if number > tonumber(redis.call('HGET', leases, 'ended') or 0) then
    redis.call('HSET', leases, 'ended', number)
  end
end

-- Returns the unused units of a lease to the windows that they were taken from. Each lease is reported once.
local function give_back(prefix, lease, unused, day, ends)
  local leases = prefix .. 'leases'
  local units = redis.call('HGET', leases, lease)
  if not units then return end
  redis.call('HDEL', leases, lease)
  if unused <= 0 then return end
  local api_key = string.match(units, ':(.+)$')
  local owners = { { 'calls:minute', 'usage:api_calls:' .. day, ends[1] } }
  if api_key then
    local own = 'calls:' .. api_key
    owners[2] = { own .. ':minute', own .. ':day:' .. day, ends[2] }
  end
  for _, owner in ipairs(owners) do
    if redis.call('PEXPIRETIME', prefix .. owner[1]) == owner[3] then
      redis.call('DECRBY', prefix .. owner[1], unused)
    end
    if redis.call('EXISTS', prefix .. owner[2]) == 1 then
      redis.call('DECRBY', prefix .. owner[2], unused)
    end
  end
end

-- Reads the report of an instance: the process in which its leases were granted, the number up to which all leases have
-- ended, and a lease with its unused units, their day, and the ends of their minutes.
local function read_report(packed)
  local process, ended, lease, unused, day, minute, key_minute, position =
    struct.unpack('>c16i8i8i8i8i8i8', packed)
  return {
    process = process, ended = ended, lease = lease, unused = unused, day = day,
    ends = { minute, key_minute }, rest = position,
  }
end

-- Applies the report of an instance. A report of an earlier process has no effect.
local function settle(prefix, report)
  if report.process ~= string.sub(KEYS[1], 1, 16) then return end
  if report.ended > 0 then end_leases(prefix, report.ended) end
  if report.lease > 0 then give_back(prefix, report.lease, report.unused, report.day, report.ends) end
end
