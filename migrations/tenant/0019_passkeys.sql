-- Update all instances before a user registers a passkey: instances of an earlier release do not ask for it after a
-- password. They start no session without it, because they call `lock_user`.

-- The passkeys of users (WebAuthn level 3).
CREATE TABLE tenancy.passkeys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES tenancy.users (id) ON DELETE CASCADE,
    -- Concurrent registrations cannot exceed the number of passkeys, because the slot is part of a key.
    slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 9),
    credential_id bytea NOT NULL CHECK (length(credential_id) BETWEEN 1 AND 1023),
    -- The opaque value by which the authenticator knows the user.
    user_handle bytea NOT NULL CHECK (length(user_handle) BETWEEN 1 AND 64),
    -- The number of the algorithm in COSE: ES256, EdDSA or RS256.
    algorithm integer NOT NULL CHECK (algorithm IN (-7, -8, -257)),
    public_key bytea NOT NULL CHECK (length(public_key) BETWEEN 32 AND 512),
    sign_count bigint NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
    transports text[] NOT NULL DEFAULT '{}' CHECK (cardinality(transports) <= 6),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    is_backup_eligible boolean NOT NULL,
    is_backed_up boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    CONSTRAINT passkeys_backup CHECK (is_backup_eligible OR NOT is_backed_up),
    CONSTRAINT passkeys_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00' AND
        last_used_at >= '0001-01-01 00:00:00+00' AND last_used_at < '10000-01-01 00:00:00+00')
);
CREATE UNIQUE INDEX passkeys_by_slot ON tenancy.passkeys (user_id, slot);
CREATE UNIQUE INDEX passkeys_by_credential ON tenancy.passkeys (credential_id);

-- The challenges of passkeys that were used and have not expired. Only valid responses of registered passkeys, and
-- registrations of signed-in users, insert rows.
CREATE TABLE tenancy.spent_passkey_challenges (
    nonce bytea PRIMARY KEY CHECK (length(nonce) = 16),
    expires_at timestamptz NOT NULL
        CHECK (expires_at >= '0001-01-01 00:00:00+00' AND expires_at < '10000-01-01 00:00:00+00')
);
CREATE INDEX spent_passkey_challenges_by_expiry ON tenancy.spent_passkey_challenges (expires_at);

-- The domain of the tenant that its passkeys belong to; null for the domain of the service.
ALTER TABLE tenancy.security_policy
    ADD COLUMN IF NOT EXISTS passkey_domain text CHECK (length(passkey_domain) BETWEEN 1 AND 253);

-- Returns whether a user has a second factor of any kind.
CREATE FUNCTION tenancy.has_second_factor(who uuid) RETURNS boolean
LANGUAGE sql STABLE AS $function$
    SELECT EXISTS (SELECT FROM tenancy.second_factors WHERE user_id = who AND confirmed_at IS NOT NULL)
        OR EXISTS (SELECT FROM tenancy.passkeys WHERE user_id = who)
$function$;
REVOKE ALL ON FUNCTION tenancy.has_second_factor(uuid) FROM PUBLIC;
DECLARE
    given name;
BEGIN
    -- In the same transaction, because requests continue, and each sign-in calls `lock_user`.
    FOR given IN
        SELECT r.rolname FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
        WHERE c.oid = 'tenancy.users'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON tenancy.passkeys, tenancy.spent_passkey_challenges TO %I',
                       given);
        EXECUTE format('GRANT EXECUTE ON FUNCTION tenancy.has_second_factor(uuid) TO %I', given);
    END LOOP;
END;

-- Locks a user, and returns whether the user has a second factor. It waits for a simultaneous enrolment and then sees it,
-- because each statement of the function has a snapshot of its own.
CREATE OR REPLACE FUNCTION tenancy.lock_user(who uuid) RETURNS boolean
LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM FROM tenancy.users WHERE id = who FOR UPDATE;
    RETURN tenancy.has_second_factor(who);
END
$function$;
