CREATE OR REPLACE FUNCTION public.update_tenant(tenant uuid, wanted_version bigint, new_name text, new_admin_email text, new_plan text, new_settings text, new_private_settings text, new_limits jsonb, new_status text, illegal_from text[], new_domains text[], entry_id uuid, entry jsonb, OUT before_status text, OUT is_wanted boolean)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
BEGIN
    SELECT u.before_status, u.is_wanted INTO before_status, is_wanted
    FROM update_tenant(tenant, wanted_version, new_name, new_admin_email, new_plan, new_settings,
                       new_limits, new_status, illegal_from, new_domains, entry_id, entry) u;
    IF is_wanted AND NOT before_status = ANY (illegal_from) AND new_private_settings IS NOT NULL THEN
        UPDATE tenants SET private_settings = new_private_settings::jsonb,
                           private_settings_text = new_private_settings
        WHERE id = tenant;
    END IF;
END
$function$
