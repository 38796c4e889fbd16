-- When an instance began to remove the chunks of a file: no other one removes them at the same time.
ALTER TABLE orphaned_files ADD COLUMN claimed_at timestamptz NOT NULL DEFAULT '-infinity';

-- Lists of one tenant's events, filtered by name, actor or resource, in the order in which they are shown.
CREATE INDEX tenant_audit_logs_by_time ON tenant_audit_logs (tenant_id, created_at DESC, id DESC);
CREATE INDEX tenant_audit_logs_by_event ON tenant_audit_logs (tenant_id, event, created_at DESC, id DESC);
CREATE INDEX tenant_audit_logs_by_actor ON tenant_audit_logs (tenant_id, actor_id, created_at DESC, id DESC)
    WHERE actor_id IS NOT NULL;
CREATE INDEX tenant_audit_logs_by_resource ON tenant_audit_logs (tenant_id, resource_id, created_at DESC, id DESC)
    WHERE resource_id IS NOT NULL;

-- How far a chain has been verified. The seal is an HMAC by a key that is not in the database.
CREATE TABLE tenant_audit_checkpoints (
    -- The nil UUID is the platform's own chain.
    chain uuid PRIMARY KEY,
    sequence bigint NOT NULL CHECK (sequence > 0),
    mac bytea NOT NULL CHECK (length(mac) = 32),
    seal bytea NOT NULL CHECK (length(seal) = 32),
    verified_at timestamptz NOT NULL DEFAULT now()
);
