-- What is to be chained to the audit trail in the catalog: written in one statement with the change
-- that it tells of, and moved from here soon after.
CREATE TABLE audit_outbox (
    id uuid PRIMARY KEY,
    tenant_id uuid,
    entry jsonb NOT NULL
);

GRANT SELECT, INSERT, DELETE ON audit_outbox TO PUBLIC;
