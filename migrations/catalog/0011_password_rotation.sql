-- The password that a tenant's role is about to get, sealed by the master key. A rotation writes it here before it
-- changes the role, so that a crash loses neither password.
ALTER TABLE tenants ADD COLUMN next_database_password bytea;
