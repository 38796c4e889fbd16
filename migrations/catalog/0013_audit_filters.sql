-- Each filter of an audit list has an index that begins with the filtered column, for one tenant and for all of them.
-- An actor and a resource can be named by id or by type, so PostgreSQL combines two indexes.

DROP INDEX tenant_audit_logs_by_event;
DROP INDEX tenant_audit_logs_listed_by_event;
DROP INDEX tenant_audit_logs_listed_by_actor;
DROP INDEX tenant_audit_logs_listed_by_resource;

-- The operator class makes the index usable for prefixes in every collation.
CREATE INDEX tenant_audit_logs_by_event ON tenant_audit_logs
    (event text_pattern_ops, tenant_id, created_at DESC, id DESC);
CREATE INDEX tenant_audit_logs_by_actor ON tenant_audit_logs
    (actor_id, tenant_id, created_at DESC, id DESC) WHERE actor_id IS NOT NULL;
CREATE INDEX tenant_audit_logs_by_actor_type ON tenant_audit_logs
    (actor_type, tenant_id, created_at DESC, id DESC);
CREATE INDEX tenant_audit_logs_by_resource ON tenant_audit_logs
    (resource_id, tenant_id, created_at DESC, id DESC) WHERE resource_id IS NOT NULL;
CREATE INDEX tenant_audit_logs_by_resource_type ON tenant_audit_logs
    (resource_type, tenant_id, created_at DESC, id DESC) WHERE resource_type IS NOT NULL;
CREATE INDEX tenant_audit_logs_by_severity ON tenant_audit_logs
    (severity, tenant_id, created_at DESC, id DESC) WHERE severity <> 'info';
CREATE INDEX tenant_audit_logs_by_result ON tenant_audit_logs
    (result, tenant_id, created_at DESC, id DESC);
