CREATE OR REPLACE FUNCTION tenancy.is_network_allowed(address text)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
    SELECT NOT EXISTS (
        SELECT FROM tenancy.security_policy p
        WHERE p.allowed_networks IS NOT NULL
          AND COALESCE(address::inet <<= ANY (p.allowed_networks), false) IS FALSE)
$function$
