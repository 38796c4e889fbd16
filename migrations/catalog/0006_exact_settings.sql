-- The exact text of `settings`: `jsonb` writes numbers in another form, `1e400` as 401 digits. NULL
-- where a version of the application before this one has written `settings`.
ALTER TABLE tenants ADD COLUMN settings_text text CHECK (octet_length(settings_text) <= 65536);

CREATE OR REPLACE FUNCTION touch_tenant() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    IF NEW.settings IS DISTINCT FROM OLD.settings
        AND NEW.settings_text IS NOT DISTINCT FROM OLD.settings_text
    THEN
        NEW.settings_text := NULL;
    END IF;
    RETURN NEW;
END
$function$;

-- Does what `change_tenant` does, with the text of the settings.
CREATE FUNCTION update_tenant(
    tenant uuid, wanted_version bigint, new_name text, new_admin_email text, new_plan text,
    new_settings text, new_limits jsonb, new_status text, illegal_from text[], new_domains text[],
    entry_id uuid, entry jsonb,
    OUT before_status text, OUT is_wanted boolean
) LANGUAGE plpgsql AS $function$
BEGIN
    SELECT changed.before_status, changed.is_wanted INTO before_status, is_wanted
    FROM change_tenant(tenant, wanted_version, new_name, new_admin_email, new_plan,
                       new_settings::jsonb, new_limits, new_status, illegal_from, new_domains,
                       entry_id, entry) AS changed;
    IF new_settings IS NOT NULL AND is_wanted AND before_status <> ALL (illegal_from) THEN
        UPDATE tenants SET settings_text = new_settings WHERE id = tenant;
    END IF;
END
$function$;

-- The application folds the case, by the rules of Unicode. The rules of the database depend on its locale,
-- so it checks ASCII only.
ALTER TABLE tenants DROP CONSTRAINT IF EXISTS tenants_admin_email_check;
ALTER TABLE tenants ADD CONSTRAINT tenants_admin_email_check
    CHECK (admin_email = lower(admin_email COLLATE "C")
           AND char_length(admin_email) BETWEEN 3 AND 254);
