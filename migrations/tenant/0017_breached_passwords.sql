-- Whether new passwords are refused that are known from data breaches.
ALTER TABLE tenancy.security_policy
    ADD COLUMN IF NOT EXISTS reject_breached_passwords boolean NOT NULL DEFAULT false;
