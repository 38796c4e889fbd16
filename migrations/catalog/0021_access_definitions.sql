-- The permissions, roles and groups that a tenant defines. They are part of the tenant's row, so that a change of them is
-- a new version of the tenant, which every verified request compares.
ALTER TABLE tenants ADD COLUMN access_definitions jsonb NOT NULL DEFAULT '{}'
    CONSTRAINT tenants_access_definitions_check
    CHECK (jsonb_typeof(access_definitions) = 'object' AND octet_length(access_definitions::text) <= 131072);
