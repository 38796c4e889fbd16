CREATE OR REPLACE FUNCTION public.change_tenant(tenant uuid, wanted_version bigint, new_name text, new_admin_email text, new_plan text, new_settings jsonb, new_limits jsonb, new_status text, illegal_from text[], new_domains text[], entry_id uuid, entry jsonb, OUT before_status text, OUT is_wanted boolean)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
    was tenants;
    facts_before jsonb;
    facts_after jsonb;
BEGIN
    SELECT * INTO was FROM tenants WHERE id = tenant FOR UPDATE;
    before_status := was.status;
    is_wanted := wanted_version IS NULL OR was.version = wanted_version;
    IF was.id IS NULL OR NOT is_wanted OR was.status = ANY (illegal_from) THEN
        RETURN;
    END IF;
    facts_before := tenant_facts(tenant);
    UPDATE tenants SET
        name = COALESCE(new_name, name),
        admin_email = COALESCE(new_admin_email, admin_email),
        plan = COALESCE(new_plan, plan),
        settings = COALESCE(new_settings, settings),
        limit_overrides = jsonb_strip_nulls(limit_overrides || COALESCE(new_limits, '{}')),
        status = COALESCE(new_status, status),
        suspended_at = CASE WHEN new_status = 'suspended' THEN COALESCE(suspended_at, now())
                       WHEN new_status = 'active' THEN NULL ELSE suspended_at END,
        deleted_at = CASE WHEN new_status = 'deleted' THEN COALESCE(deleted_at, now())
                     WHEN new_status IS NOT NULL THEN NULL ELSE deleted_at END
    WHERE id = tenant;
    IF new_domains IS NOT NULL THEN
        DELETE FROM tenant_domains WHERE tenant_id = tenant;
        INSERT INTO tenant_domains (domain, tenant_id, is_primary)
        SELECT d.domain, tenant, d.place = 1
        FROM unnest(new_domains) WITH ORDINALITY AS d (domain, place);
    END IF;
    facts_after := tenant_facts(tenant);
    INSERT INTO audit_outbox (id, tenant_id, entry)
    VALUES (entry_id, tenant, jsonb_set(entry, '{detail}', entry -> 'detail' || jsonb_build_object(
        'before', jsonb_difference(facts_before, facts_after),
        'after', jsonb_difference(facts_after, facts_before))));
END
$function$
