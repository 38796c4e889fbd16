-- No table is granted to PUBLIC: a role that may connect later reads nothing. `tenantctl migrate` grants them to the
-- tenant's own role, before this runs and after it.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;

-- A setup token was the only way to this value, and it proves nothing: an administrator may have passed it on.
UPDATE users SET is_verified = false WHERE is_verified;

-- The refresh tokens that a session has used within the grace period.
CREATE TABLE used_refresh_tokens (
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    used_at timestamptz NOT NULL,
    PRIMARY KEY (session_id, token_hash)
);

ALTER TABLE sessions
    DROP CONSTRAINT sessions_revoked_reason_check,
    ADD CONSTRAINT sessions_revoked_reason_check CHECK (revoked_reason IN
        ('logout', 'logout_everywhere', 'reuse', 'password', 'admin', 'limit'));

-- Ends the oldest sessions of a user before another one begins, so that at most `most` are left with it, and returns
-- them. Of two sign-ins at once the second waits, and then sees the session of the first.
CREATE FUNCTION end_oldest_sessions(who uuid, current_version bigint, most integer) RETURNS SETOF uuid
LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM FROM users WHERE id = who AND is_active AND version = current_version FOR UPDATE;
    IF NOT FOUND THEN RETURN; END IF;
    RETURN QUERY
        UPDATE sessions SET revoked_at = now(), revoked_reason = 'limit'
        WHERE id IN (
            SELECT s.id FROM sessions s
            WHERE s.user_id = who AND s.revoked_at IS NULL AND s.expires_at > now()
            ORDER BY s.created_at DESC, s.id DESC OFFSET most - 1)
        RETURNING id;
END
$function$;

-- Functions are executable by PUBLIC when they are created.
REVOKE ALL ON FUNCTION end_oldest_sessions(uuid, bigint, integer) FROM PUBLIC;
