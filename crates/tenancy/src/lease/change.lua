-- Records a change of all credentials of a tenant.
-- KEYS: the record of the tenant's leases.
-- ARGV: a new change token.
record_change(string.sub(KEYS[1], 1, -7), ARGV[1])
return 0
