-- The migrations of the application that tenants' databases belong to (tenantctl app migrate).

-- The files of the last run.
CREATE TABLE app_migration_files (
    version integer PRIMARY KEY CHECK (version > 0),
    name text NOT NULL,
    checksum text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

-- The state of each tenant. The database has the same in app.tenancy_migrations, which decides.
CREATE TABLE app_migration_states (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    version integer NOT NULL CHECK (version >= 0),
    -- Of all files up to the version.
    checksum text NOT NULL,
    -- The reason why the next file failed, without values of the tenant.
    failure text,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- The schema app of the template database, as lines of text, which tenants' schemas are compared with.
CREATE TABLE app_template (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    version integer NOT NULL,
    checksum text NOT NULL,
    template_name text NOT NULL,
    description text NOT NULL
);
