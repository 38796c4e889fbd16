CREATE OR REPLACE FUNCTION tenancy.has_second_factor(who uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
    SELECT EXISTS (SELECT FROM tenancy.second_factors WHERE user_id = who AND confirmed_at IS NOT NULL)
        OR EXISTS (SELECT FROM tenancy.passkeys WHERE user_id = who)
$function$
