-- The PostgreSQL clusters of tenants' databases. The row `default` is the cluster of TENANT_DATABASE_TEMPLATE.
CREATE TABLE database_clusters (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9-]{0,39}$'),
    -- Of the template, to find the cluster of a database.
    host text,
    port integer CHECK (port BETWEEN 1 AND 65535),
    -- A value of the form of TENANT_DATABASE_TEMPLATE, sealed by the master key.
    template bytea,
    -- The address for applications, as TENANT_DATABASE_PUBLIC_HOST has it.
    public_host text,
    -- The share of new tenants, relative to the other clusters.
    weight integer NOT NULL DEFAULT 100 CHECK (weight BETWEEN 0 AND 1000),
    -- A draining cluster gets no new tenants.
    is_draining boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (host, port),
    CHECK ((name = 'default') = (template IS NULL)),
    CHECK ((host IS NULL) = (template IS NULL) AND (port IS NULL) = (template IS NULL))
);

INSERT INTO database_clusters (id, name) VALUES ('00000000-0000-0000-0000-000000000000', 'default');

-- Each cluster has a template database of its own.
ALTER TABLE app_template
    DROP CONSTRAINT app_template_pkey,
    DROP COLUMN is_only,
    ADD COLUMN cluster_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
        REFERENCES database_clusters (id) ON DELETE CASCADE,
    ADD PRIMARY KEY (cluster_id);

-- The moves of tenants' databases to other clusters (tenantctl tenant move). A row exists from the first step until
-- the old database is dropped.
CREATE TABLE tenant_moves (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    -- The process that works on the move. Another process that takes over writes its own id, and each step of the former
    -- one fails.
    attempt uuid NOT NULL,
    -- copying: the tenant works at the source. paused: writes at the source wait. fenced: the source accepts no connection
    -- of the tenant, and the copy is complete. switched: the tenant works at the target.
    step text NOT NULL CHECK (step IN ('copying', 'paused', 'fenced', 'switched')),
    target_host text NOT NULL,
    target_port integer NOT NULL CHECK (target_port BETWEEN 1 AND 65535),
    target_options text NOT NULL,
    source_host text NOT NULL,
    source_port integer NOT NULL CHECK (source_port BETWEEN 1 AND 65535),
    source_options text NOT NULL,
    -- The password of the tenant's role, sealed for the source: it confirms the location at which the old database is
    -- dropped.
    source_password bytea NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    -- The last sign of life of the process.
    seen_at timestamptz NOT NULL DEFAULT now()
);
