-- Responses contain these times in the form of RFC 3339, which has years from 1 to 9999. One row with another time,
-- such as infinity, would make each list that contains it fail. Existing rows are not checked: the migration
-- must not fail on a row that an operator edited.

ALTER TABLE plans ADD CONSTRAINT plans_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00' AND
        updated_at >= '0001-01-01 00:00:00+00' AND updated_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE tenants ADD CONSTRAINT tenants_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00' AND
        updated_at >= '0001-01-01 00:00:00+00' AND updated_at < '10000-01-01 00:00:00+00' AND
        suspended_at >= '0001-01-01 00:00:00+00' AND suspended_at < '10000-01-01 00:00:00+00' AND
        deleted_at >= '0001-01-01 00:00:00+00' AND deleted_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE tenant_domains ADD CONSTRAINT tenant_domains_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE tenant_api_keys ADD CONSTRAINT tenant_api_keys_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00' AND
        expires_at >= '0001-01-01 00:00:00+00' AND expires_at < '10000-01-01 00:00:00+00' AND
        last_used_at >= '0001-01-01 00:00:00+00' AND last_used_at < '10000-01-01 00:00:00+00' AND
        revoked_at >= '0001-01-01 00:00:00+00' AND revoked_at < '10000-01-01 00:00:00+00' AND
        previous_expires_at >= '0001-01-01 00:00:00+00' AND previous_expires_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE operator_keys ADD CONSTRAINT operator_keys_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00' AND
        updated_at >= '0001-01-01 00:00:00+00' AND updated_at < '10000-01-01 00:00:00+00' AND
        expires_at >= '0001-01-01 00:00:00+00' AND expires_at < '10000-01-01 00:00:00+00' AND
        last_used_at >= '0001-01-01 00:00:00+00' AND last_used_at < '10000-01-01 00:00:00+00' AND
        revoked_at >= '0001-01-01 00:00:00+00' AND revoked_at < '10000-01-01 00:00:00+00' AND
        previous_expires_at >= '0001-01-01 00:00:00+00' AND previous_expires_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE tenant_audit_logs ADD CONSTRAINT tenant_audit_logs_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00') NOT VALID;
