-- Keys of the platform's operators and of their automation.
CREATE TABLE operator_keys (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    -- SHA-256 of the key, which has 256 random bits: no salt is needed.
    key_hash bytea NOT NULL
        CONSTRAINT operator_keys_key_hash_key UNIQUE
        CHECK (length(key_hash) = 32),
    -- The secret before the last rotation.
    previous_key_hash bytea
        CONSTRAINT operator_keys_previous_key_hash_key UNIQUE
        CHECK (length(previous_key_hash) = 32),
    previous_expires_at timestamptz,
    -- The first characters of the key, by which people recognise it.
    prefix text NOT NULL CHECK (length(prefix) BETWEEN 1 AND 24),
    scopes text[] NOT NULL,
    -- NULL allows every network.
    allowed_networks cidr[] CHECK (cardinality(allowed_networks) BETWEEN 1 AND 32),
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    -- A revoked key stays: the audit trail refers to it, and a use of it is recorded.
    revoked_at timestamptz,
    CHECK ((previous_key_hash IS NULL) = (previous_expires_at IS NULL))
);

-- The audit trail names keys, so no two of them have the same name at the same time.
CREATE UNIQUE INDEX operator_keys_by_name ON operator_keys (lower(name COLLATE "und-x-icu"))
    WHERE revoked_at IS NULL;

-- Counts the keys, one caller after another: the lock lasts until the end of the calling statement, and each statement of
-- a function sees the changes that were committed before it.
CREATE FUNCTION count_operator_keys() RETURNS bigint LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('operator_keys', 0));
    RETURN (SELECT count(*) FROM operator_keys WHERE revoked_at IS NULL);
END
$function$;

REVOKE EXECUTE ON FUNCTION count_operator_keys() FROM PUBLIC;

-- The last hour in which a use of ADMIN_API_KEY was recorded.
CREATE TABLE break_glass_uses (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    hour timestamptz NOT NULL
);

-- The existing rows satisfied a narrower constraint, so they need no scan.
ALTER TABLE tenant_audit_logs
    DROP CONSTRAINT tenant_audit_logs_actor_type_check,
    ADD CONSTRAINT tenant_audit_logs_actor_type_check CHECK (actor_type IN
        ('platform', 'operator_key', 'user', 'api_key', 'system', 'anonymous')) NOT VALID;
