-- Update all instances before a user sets up a second factor: instances of an earlier release do not ask for it.

-- The second factors of users. A factor without `confirmed_at` is not in use yet.
CREATE TABLE tenancy.second_factors (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES tenancy.users (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- Sealed with a key of the tenant.
    secret bytea NOT NULL,
    -- The time step of the last accepted code, so that no code is accepted twice (RFC 6238, section 5.2).
    last_step bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT second_factors_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00' AND
        confirmed_at >= '0001-01-01 00:00:00+00' AND confirmed_at < '10000-01-01 00:00:00+00' AND
        last_used_at >= '0001-01-01 00:00:00+00' AND last_used_at < '10000-01-01 00:00:00+00')
);
CREATE INDEX second_factors_by_user ON tenancy.second_factors (user_id);

-- Codes that replace a lost second factor, each once.
CREATE TABLE tenancy.recovery_codes (
    user_id uuid NOT NULL REFERENCES tenancy.users (id) ON DELETE CASCADE,
    code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
    used_at timestamptz CHECK (used_at >= '0001-01-01 00:00:00+00' AND used_at < '10000-01-01 00:00:00+00'),
    PRIMARY KEY (user_id, code_hash)
);

-- The sign-ins whose first factor was right and that wait for the second one.
CREATE TABLE tenancy.sign_in_challenges (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES tenancy.users (id) ON DELETE CASCADE,
    -- A change of the password or of the role ends the challenge.
    user_version bigint NOT NULL,
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    -- Whether the user has no second factor and must set one up first.
    needs_enrollment boolean NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL
        CHECK (expires_at >= '0001-01-01 00:00:00+00' AND expires_at < '10000-01-01 00:00:00+00')
);
CREATE UNIQUE INDEX sign_in_challenges_by_token ON tenancy.sign_in_challenges (token_hash);
CREATE INDEX sign_in_challenges_by_user ON tenancy.sign_in_challenges (user_id, expires_at);

ALTER TABLE tenancy.sessions
    ADD COLUMN IF NOT EXISTS has_second_factor boolean NOT NULL DEFAULT false,
    -- When the user last proved their identity; null for the beginning of the session.
    ADD COLUMN IF NOT EXISTS authenticated_at timestamptz,
    DROP CONSTRAINT IF EXISTS sessions_authenticated_at_check,
    ADD CONSTRAINT sessions_authenticated_at_check CHECK (
        authenticated_at >= '0001-01-01 00:00:00+00' AND authenticated_at < '10000-01-01 00:00:00+00'),
    DROP CONSTRAINT sessions_revoked_reason_check,
    ADD CONSTRAINT sessions_revoked_reason_check CHECK (revoked_reason IN
        ('logout', 'logout_everywhere', 'reuse', 'password', 'admin', 'limit', 'second_factor'));

-- The rules of the tenant for sign-ins, in one row.
CREATE TABLE tenancy.security_policy (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    -- The roles whose users need a second factor.
    second_factor_roles text[] NOT NULL DEFAULT '{}',
    -- When the roles were last changed. The days of grace begin then, or with the creation of a user.
    second_factor_since timestamptz NOT NULL DEFAULT now()
        CHECK (second_factor_since >= '0001-01-01 00:00:00+00' AND second_factor_since < '10000-01-01 00:00:00+00'),
    second_factor_grace_days integer NOT NULL DEFAULT 7 CHECK (second_factor_grace_days BETWEEN 0 AND 90),
    -- The age of a sign-in up to which it allows destructive changes; null for any age.
    recent_sign_in_minutes integer CHECK (recent_sign_in_minutes BETWEEN 1 AND 1440),
    -- How long a session lasts without a refresh and at most; null for the settings of the service.
    session_idle_minutes integer CHECK (session_idle_minutes BETWEEN 5 AND 525600),
    session_lifetime_minutes integer CHECK (session_lifetime_minutes BETWEEN 5 AND 525600),
    max_sessions integer CHECK (max_sessions BETWEEN 1 AND 50),
    -- The networks in which users sign in and refresh sessions; null for every network.
    allowed_networks cidr[] CHECK (cardinality(allowed_networks) BETWEEN 1 AND 32),
    password_min_length integer CHECK (password_min_length BETWEEN 8 AND 128)
);
INSERT INTO tenancy.security_policy DEFAULT VALUES;

-- Returns whether a user needs a second factor by now.
CREATE FUNCTION tenancy.is_second_factor_due(user_role text, user_created_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $function$
    SELECT EXISTS (
        SELECT FROM tenancy.security_policy p
        WHERE user_role = ANY (p.second_factor_roles)
          AND now() >= greatest(p.second_factor_since, user_created_at)
                       + make_interval(days => p.second_factor_grace_days))
$function$;
-- Locks a user, and returns whether the user has a second factor. It waits for a simultaneous enrolment and then sees it,
-- because each statement of the function has a snapshot of its own.
CREATE FUNCTION tenancy.lock_user(who uuid) RETURNS boolean
LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM FROM tenancy.users WHERE id = who FOR UPDATE;
    RETURN EXISTS (SELECT FROM tenancy.second_factors WHERE user_id = who AND confirmed_at IS NOT NULL);
END
$function$;
REVOKE ALL ON FUNCTION tenancy.lock_user(uuid) FROM PUBLIC;

-- Ends the sessions of a locked user that have no second factor, except one, and returns them. It sees the session of a
-- simultaneous sign-in, for which the caller has waited.
CREATE FUNCTION tenancy.end_sessions_without_factor(who uuid, except_session uuid) RETURNS SETOF uuid
LANGUAGE plpgsql AS $function$
BEGIN
    RETURN QUERY
        UPDATE tenancy.sessions SET revoked_at = now(), revoked_reason = 'second_factor'
        WHERE user_id = who AND id IS DISTINCT FROM except_session
          AND NOT has_second_factor AND revoked_at IS NULL
        RETURNING id;
END
$function$;
REVOKE ALL ON FUNCTION tenancy.end_sessions_without_factor(uuid, uuid) FROM PUBLIC;

-- Returns whether users may sign in from an address; null is an unknown address.
CREATE FUNCTION tenancy.is_network_allowed(address text) RETURNS boolean
LANGUAGE sql STABLE AS $function$
    SELECT NOT EXISTS (
        SELECT FROM tenancy.security_policy p
        WHERE p.allowed_networks IS NOT NULL
          AND COALESCE(address::inet <<= ANY (p.allowed_networks), false) IS FALSE)
$function$;
REVOKE ALL ON FUNCTION tenancy.is_network_allowed(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION tenancy.is_second_factor_due(text, timestamptz) FROM PUBLIC;
