-- The catalog: what must be known before a tenant is known. No end user's data is in it.

CREATE TABLE plans (
    name text PRIMARY KEY
        CHECK (name ~ '^[a-z][a-z0-9_-]{0,39}$'),
    max_users bigint NOT NULL CHECK (max_users >= 0),
    max_storage_bytes bigint NOT NULL CHECK (max_storage_bytes >= 0),
    max_api_calls_per_day bigint NOT NULL CHECK (max_api_calls_per_day >= 0),
    max_ai_requests_per_day bigint NOT NULL CHECK (max_ai_requests_per_day >= 0),
    max_requests_per_minute bigint NOT NULL CHECK (max_requests_per_minute > 0),
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX plans_one_default ON plans (is_default) WHERE is_default;

INSERT INTO plans (name, max_users, max_storage_bytes, max_api_calls_per_day,
                   max_ai_requests_per_day, max_requests_per_minute, is_default)
VALUES
    ('free', 5, 1073741824, 1000, 50, 60, false),
    ('pro', 25, 10737418240, 10000, 1000, 600, false),
    ('enterprise', 100, 53687091200, 50000, 5000, 6000, true);

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    slug text NOT NULL
        CONSTRAINT tenants_slug_key UNIQUE
        CHECK (slug ~ '^[a-z0-9](-?[a-z0-9])+$' AND length(slug) <= 56),
    name text NOT NULL
        CHECK (name = btrim(name) AND char_length(name) BETWEEN 1 AND 200),
    status text NOT NULL
        CHECK (status IN ('provisioning', 'active', 'suspended', 'deleting', 'deleted')),
    admin_email text NOT NULL
        CHECK (admin_email = lower(admin_email) AND char_length(admin_email) BETWEEN 3 AND 254),
    plan text NOT NULL REFERENCES plans (name),
    -- Limits of this tenant in the place of its plan's, by the plan's column names.
    limit_overrides jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(limit_overrides) = 'object'),
    settings jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(settings) = 'object'),
    -- Grows with each change of the row: what a snapshot of it is compared by.
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    database_host text NOT NULL CHECK (database_host <> ''),
    database_port integer NOT NULL CHECK (database_port BETWEEN 1 AND 65535),
    database_name text NOT NULL CHECK (length(database_name) BETWEEN 1 AND 63),
    database_options text NOT NULL DEFAULT '',
    database_role text NOT NULL
        CONSTRAINT tenants_database_role_key UNIQUE
        CHECK (database_role ~ '^[a-z_][a-z0-9_]{0,62}$'),
    -- Sealed by the master key for this tenant; gone with the tenant's remains.
    database_password bytea,
    data_key bytea,
    -- Of the request that creates the tenant: only the same one resumes its provisioning.
    request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    suspended_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT tenants_database_key UNIQUE (database_host, database_port, database_name),
    CHECK (status IN ('deleting', 'deleted')
           OR (database_password IS NOT NULL AND data_key IS NOT NULL)),
    CHECK (status <> 'suspended' OR suspended_at IS NOT NULL),
    CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
);

CREATE INDEX tenants_by_creation ON tenants (created_at, id);

CREATE FUNCTION touch_tenant() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    RETURN NEW;
END
$function$;

CREATE TRIGGER tenants_touch BEFORE UPDATE ON tenants
    FOR EACH ROW EXECUTE FUNCTION touch_tenant();

CREATE TABLE tenant_domains (
    domain text PRIMARY KEY
        CHECK (domain = lower(domain) AND domain ~ '^[a-z0-9.-]{1,253}$'),
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    is_primary boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tenant_domains_by_tenant ON tenant_domains (tenant_id);
CREATE UNIQUE INDEX tenant_domains_one_primary ON tenant_domains (tenant_id) WHERE is_primary;

-- The domain is part of a tenant's snapshot, and so are its plan's limits.
CREATE FUNCTION touch_tenant_of_domain() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    UPDATE tenants SET slug = slug WHERE id IN (NEW.tenant_id, OLD.tenant_id);
    RETURN NULL;
END
$function$;

CREATE TRIGGER tenant_domains_touch AFTER INSERT OR UPDATE OR DELETE ON tenant_domains
    FOR EACH ROW EXECUTE FUNCTION touch_tenant_of_domain();

CREATE FUNCTION touch_tenants_of_plan() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    UPDATE tenants SET plan = plan WHERE plan = NEW.name;
    RETURN NULL;
END
$function$;

CREATE TRIGGER plans_touch AFTER UPDATE ON plans
    FOR EACH ROW EXECUTE FUNCTION touch_tenants_of_plan();

CREATE TABLE tenant_api_keys (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    environment text NOT NULL CHECK (environment ~ '^[a-z]{2,12}$'),
    -- SHA-256 of the key, which is 256 bits of chance: no salt is needed.
    key_hash bytea NOT NULL
        CONSTRAINT tenant_api_keys_key_hash_key UNIQUE
        CHECK (length(key_hash) = 32),
    -- The first characters of the key, by which its owner knows it again.
    prefix text NOT NULL CHECK (length(prefix) BETWEEN 1 AND 24),
    scopes text[] NOT NULL,
    max_requests_per_minute bigint CHECK (max_requests_per_minute > 0),
    max_requests_per_day bigint CHECK (max_requests_per_day > 0),
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);

CREATE INDEX tenant_api_keys_by_tenant ON tenant_api_keys (tenant_id, created_at);

CREATE TABLE tenant_usage (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    resource text NOT NULL
        CHECK (resource IN ('api_calls', 'ai_requests', 'storage', 'users')),
    -- The day in UTC.
    day date NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, resource, day)
);

-- The audit trail outlives its tenants: no foreign key.
CREATE TABLE tenant_audit_logs (
    id uuid NOT NULL,
    -- NULL is the platform's own chain.
    tenant_id uuid,
    -- The place in the tenant's chain, from 1 without a gap.
    sequence bigint NOT NULL CHECK (sequence > 0),
    event text NOT NULL CHECK (event ~ '^[a-z_]+(\.[a-z_]+)+$'),
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    result text NOT NULL CHECK (result IN ('success', 'failure')),
    actor_type text NOT NULL
        CHECK (actor_type IN ('platform', 'user', 'api_key', 'system', 'anonymous')),
    actor_id text,
    resource_type text,
    resource_id text,
    address text,
    user_agent text,
    request_id text,
    detail jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(detail) = 'object'),
    -- HMAC-SHA-256 of this row and of the mac before it, by a key that is not in the database.
    mac bytea NOT NULL CHECK (length(mac) = 32),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (created_at, id)
) PARTITION BY RANGE (created_at);

CREATE INDEX tenant_audit_logs_by_tenant ON tenant_audit_logs (tenant_id, sequence);

-- What no month has been made for. It stays empty while `tenantctl migrate` runs at least yearly.
CREATE TABLE tenant_audit_logs_default PARTITION OF tenant_audit_logs DEFAULT;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$function$;

CREATE TRIGGER tenant_audit_logs_append_only BEFORE UPDATE OR DELETE ON tenant_audit_logs
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER tenant_audit_logs_never_emptied BEFORE TRUNCATE ON tenant_audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The end of each chain, which the next row is chained to.
CREATE TABLE tenant_audit_heads (
    -- The nil UUID is the platform's own chain.
    chain uuid PRIMARY KEY,
    sequence bigint NOT NULL CHECK (sequence > 0),
    mac bytea NOT NULL CHECK (length(mac) = 32)
);

CREATE FUNCTION ensure_audit_months(months integer) RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
    month date;
BEGIN
    FOR month IN
        SELECT generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
                               date_trunc('month', now() AT TIME ZONE 'UTC')
                                   + make_interval(months => months),
                               interval '1 month')::date
    LOOP
        IF to_regclass('tenant_audit_logs_' || to_char(month, 'YYYY_MM')) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF tenant_audit_logs FOR VALUES FROM (%L) TO (%L)',
                'tenant_audit_logs_' || to_char(month, 'YYYY_MM'),
                to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
                to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
        END IF;
    END LOOP;
END
$function$;

CREATE TABLE idempotency_keys (
    -- The operation, so that a key is the caller's own for each of them.
    operation text NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
    tenant_id uuid NOT NULL,
    -- The answer to give again, sealed by the master key; NULL until there is one.
    answer bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operation, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
