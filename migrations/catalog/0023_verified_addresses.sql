-- The verified addresses of users, as keyed hashes: a reader of the catalog learns no address. The users in the databases
-- of the tenants are the truth.
CREATE TABLE verified_addresses (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id uuid NOT NULL,
    -- Null after the user has lost the address, so that a late publication of an earlier change has no effect.
    address_hash bytea CHECK (length(address_hash) = 32),
    -- The id of the master key that the key of the hash is derived from.
    key_id bytea NOT NULL CHECK (length(key_id) = 4),
    -- The number of the change in the database of the tenant.
    change bigint NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX verified_addresses_by_hash ON verified_addresses (address_hash) WHERE address_hash IS NOT NULL;

-- The tenants to which users of a tenant may switch without a new sign-in, and whose users may come. Both tenants must name
-- each other.
CREATE TABLE switching_tenants (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    -- Ids that need not exist, so that nobody learns which ones do.
    others uuid[] NOT NULL CHECK (cardinality(others) BETWEEN 1 AND 50)
);
