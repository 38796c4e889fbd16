-- The ids of the custom roles and groups of each user. Their definitions are in the catalog; an id without a definition
-- grants nothing.
ALTER TABLE tenancy.users
    ADD COLUMN custom_roles uuid[] NOT NULL DEFAULT '{}'
        CONSTRAINT users_custom_roles_check CHECK (cardinality(custom_roles) <= 16),
    ADD COLUMN groups uuid[] NOT NULL DEFAULT '{}'
        CONSTRAINT users_groups_check CHECK (cardinality(groups) <= 16);

CREATE INDEX users_by_custom_role ON tenancy.users USING gin (custom_roles);
CREATE INDEX users_by_group ON tenancy.users USING gin (groups);

-- As before, but new custom roles and groups also revoke the access tokens. The removal of an id without a definition
-- does not, because the id grants nothing: the statement sets `tenancy.forgetting`.
CREATE OR REPLACE FUNCTION tenancy.touch_user() RETURNS trigger LANGUAGE plpgsql
SET search_path TO 'tenancy', 'pg_temp'
AS $function$
BEGIN
    -- A sign-in is no change of the user.
    IF (to_jsonb(NEW) - 'last_login') IS DISTINCT FROM (to_jsonb(OLD) - 'last_login') THEN
        NEW.updated_at := now();
    END IF;
    IF (NEW.role, NEW.is_active) IS DISTINCT FROM (OLD.role, OLD.is_active)
        OR ((NEW.custom_roles, NEW.groups) IS DISTINCT FROM (OLD.custom_roles, OLD.groups)
            AND current_setting('tenancy.forgetting', true) IS DISTINCT FROM 'on')
    THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END
$function$;
