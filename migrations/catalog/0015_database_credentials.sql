-- The credentials with which applications connect to their tenants' databases. Each one is a PostgreSQL role on the
-- cluster of the tenant. A row exists before its role is created and until its role is removed, so no role is lost in a
-- crash.
CREATE TABLE database_credentials (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    role text NOT NULL CONSTRAINT database_credentials_role_key UNIQUE,
    access text NOT NULL CHECK (access IN ('read', 'write', 'owner')),
    connections integer NOT NULL CHECK (connections > 0),
    -- The credentials of the request: a user in the version of then, an API key, or both. None of them for a role of
    -- tenantctl.
    user_id uuid,
    user_version bigint,
    api_key_id uuid,
    is_of_tenantctl boolean NOT NULL GENERATED ALWAYS AS (user_id IS NULL AND api_key_id IS NULL) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    -- When it was revoked, while its role is being removed.
    ended_at timestamptz,
    CHECK ((user_id IS NULL) = (user_version IS NULL))
);

CREATE INDEX database_credentials_by_tenant ON database_credentials (tenant_id, created_at DESC, id DESC);
CREATE INDEX database_credentials_by_end ON database_credentials (LEAST(expires_at, ended_at));

ALTER TABLE plans
    ADD COLUMN max_database_bytes bigint NOT NULL DEFAULT 1000000000000000 CHECK (max_database_bytes >= 0),
    ADD COLUMN max_database_credentials bigint NOT NULL DEFAULT 10 CHECK (max_database_credentials >= 0),
    ADD COLUMN max_database_connections bigint NOT NULL DEFAULT 50 CHECK (max_database_connections >= 0);

ALTER TABLE tenant_usage DROP CONSTRAINT tenant_usage_resource_check, ADD CONSTRAINT tenant_usage_resource_check
    CHECK (resource IN ('api_calls', 'ai_requests', 'storage', 'users', 'database')) NOT VALID;

-- Inserts a credential if the limits of the tenant allow it, and returns the usage before it. Of two requests at once,
-- the second waits and then sees the row of the first.
CREATE FUNCTION reserve_database_credential(
    new_row jsonb, most_credentials bigint, most_connections bigint, entry_id uuid, entry jsonb,
    OUT is_reserved boolean, OUT credentials bigint, OUT connections bigint
) LANGUAGE plpgsql AS $function$
DECLARE
    wanted database_credentials := jsonb_populate_record(NULL::database_credentials, new_row);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('database credentials of ' || wanted.tenant_id, 0));
    SELECT count(*), COALESCE(sum(c.connections), 0) INTO credentials, connections
    FROM database_credentials c WHERE c.tenant_id = wanted.tenant_id AND NOT c.is_of_tenantctl;
    is_reserved := credentials < most_credentials AND connections + wanted.connections <= most_connections;
    IF NOT is_reserved THEN RETURN; END IF;
    INSERT INTO database_credentials
        (id, tenant_id, role, access, connections, user_id, user_version, api_key_id, expires_at)
    VALUES (wanted.id, wanted.tenant_id, wanted.role, wanted.access, wanted.connections, wanted.user_id,
            wanted.user_version, wanted.api_key_id, wanted.expires_at);
    INSERT INTO audit_outbox (id, tenant_id, entry) VALUES (entry_id, wanted.tenant_id, entry);
END
$function$;
