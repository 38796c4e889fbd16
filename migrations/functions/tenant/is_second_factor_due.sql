CREATE OR REPLACE FUNCTION tenancy.is_second_factor_due(user_role text, user_created_at timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
    SELECT EXISTS (
        SELECT FROM tenancy.security_policy p
        WHERE user_role = ANY (p.second_factor_roles)
          AND now() >= greatest(p.second_factor_since, user_created_at)
                       + make_interval(days => p.second_factor_grace_days))
$function$
