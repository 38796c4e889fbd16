-- Reads the counter of a day for a checkpoint.
-- KEYS: the counter.
-- ARGV: a process (empty if there is none) and the number of a lease of that process. An earlier checkpoint found the
-- leases up to this number without a report. No report is expected any longer, so their units are forfeited: they count
-- as used.
-- Returns the process and, if it has the counter: the part of it that a later process may start with, the units of leases
-- without a report, the number of the last lease, and the forfeited units.
if redis.call('EXISTS', KEYS[1]) == 0 then return { this_process } end
local prefix, place, day, api_key = day_of_calls(KEYS[1])
if not prefix then return { this_process, settled(KEYS[1]), 0, 0, 0 } end
local leases = prefix .. 'leases'
local last = ARGV[1] == this_process and tonumber(ARGV[2]) or 0
local forfeited = 0
for _, field in ipairs(last > 0 and redis.call('HKEYS', leases) or {}) do
  local lease = tonumber(field)
  if lease and lease <= last then
    forfeited = forfeited + read_units(redis.call('HGET', leases, field)).units
    redis.call('HDEL', leases, field)
  end
end
return {
  this_process, settled(KEYS[1]), unreported(prefix, place, day, api_key),
  tonumber(redis.call('HGET', leases, 'granted') or 0), forfeited,
}
