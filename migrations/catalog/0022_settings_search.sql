-- Operators find tenants by their settings.
CREATE INDEX tenants_by_settings ON tenants USING gin (settings jsonb_path_ops);
CREATE INDEX tenants_by_private_settings ON tenants USING gin (private_settings jsonb_path_ops);
