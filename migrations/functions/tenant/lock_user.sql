CREATE OR REPLACE FUNCTION tenancy.lock_user(who uuid)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM FROM tenancy.users WHERE id = who FOR UPDATE;
    RETURN EXISTS (SELECT FROM tenancy.second_factors WHERE user_id = who AND confirmed_at IS NOT NULL);
END
$function$
