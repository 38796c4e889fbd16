CREATE OR REPLACE FUNCTION public.tenant_facts(id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
    SELECT jsonb_build_object(
        'name', t.name, 'admin_email', t.admin_email, 'plan', t.plan, 'status', t.status,
        'limits', t.limit_overrides,
        'domains', (SELECT COALESCE(jsonb_agg(d.domain ORDER BY d.is_primary DESC, d.domain), '[]')
                    FROM tenant_domains d WHERE d.tenant_id = t.id))
    FROM tenants t WHERE t.id = $1
$function$
