-- Tenants that tenantctl fills from a bundle. A row exists from the reservation of the names until the tenant is
-- complete, so a crash leaves a trace that `tenantctl repair` finds.
CREATE TABLE tenant_imports (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    id uuid NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('import', 'clone', 'verify', 'restore')),
    -- For a restore: whether the restored database has taken the place of the former one.
    is_switched boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL DEFAULT now()
);

-- The files of an import are recorded before their chunks are written. Their chunks stay until the import is complete,
-- when the rows are deleted, or until it is rolled back.
ALTER TABLE orphaned_files ADD COLUMN import_id uuid;
CREATE INDEX orphaned_files_by_import ON orphaned_files (import_id) WHERE import_id IS NOT NULL;

-- The links of an imported chain that were anchored in the trail of the platform it comes from.
CREATE TABLE audit_imported_links (
    chain uuid NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    mac bytea NOT NULL CHECK (length(mac) = 32),
    PRIMARY KEY (chain, sequence)
);
