CREATE OR REPLACE FUNCTION tenancy.lock_user(who uuid)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM FROM tenancy.users WHERE id = who FOR UPDATE;
    RETURN tenancy.has_second_factor(who);
END
$function$
