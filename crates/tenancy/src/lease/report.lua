-- Applies the reports of an instance about leases of a tenant. Returns for each report whether the instance must write
-- checkpoints: 1 for the calls of the tenant, 2 for those of the API key, 3 for both. One instance does so every few
-- seconds, after this report, so the checkpoint contains it.
-- KEYS: the record of the tenant's leases.
-- ARGV: the milliseconds after which another instance must write a checkpoint, the reports.
local prefix = string.sub(KEYS[1], 1, -7)

local function claim(owner, day)
  local name = prefix .. 'calls:' .. owner .. 'checkpoint:' .. day
  return redis.call('SET', name, 1, 'PX', ARGV[1], 'NX') and 1 or 0
end

local function checkpoints(report)
  local text = report.process == string.sub(KEYS[1], 1, 16) and redis.call('HGET', KEYS[1], report.lease)
  if not text then return 0 end
  local lease = read_units(text)
  local due = claim('', lease.day)
  if lease.api_key ~= '' then due = due + 2 * claim(lease.api_key .. ':', lease.day) end
  return due
end

local due = {}
for index = 2, #ARGV do
  local report = read_report(ARGV[index])
  due[#due + 1] = checkpoints(report)
  settle(prefix, report)
end
return due
