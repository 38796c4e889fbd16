-- Applies the reports of an instance about leases of a tenant.
-- KEYS: the record of the tenant's leases.
-- ARGV: the reports.
local prefix = string.sub(KEYS[1], 1, -7)
for _, packed in ipairs(ARGV) do settle(prefix, read_report(packed)) end
return 0
