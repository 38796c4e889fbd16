-- What is to be chained to the audit trail in the catalog: written in one statement with the change
-- that it tells of, and moved from here soon after.
CREATE TABLE audit_outbox (
    id uuid PRIMARY KEY,
    tenant_id uuid,
    entry jsonb NOT NULL
);

GRANT SELECT, INSERT, DELETE ON audit_outbox TO PUBLIC;

-- Grows when every session is to end. A session that begins at the same moment has the number of
-- before, and ends with the others.
ALTER TABLE users ADD COLUMN session_epoch bigint NOT NULL DEFAULT 1;
ALTER TABLE sessions ADD COLUMN session_epoch bigint NOT NULL DEFAULT 1;
