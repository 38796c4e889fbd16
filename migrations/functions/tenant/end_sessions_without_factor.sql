CREATE OR REPLACE FUNCTION tenancy.end_sessions_without_factor(who uuid, except_session uuid)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
AS $function$
BEGIN
    RETURN QUERY
        UPDATE tenancy.sessions SET revoked_at = now(), revoked_reason = 'second_factor'
        WHERE user_id = who AND id IS DISTINCT FROM except_session
          AND NOT has_second_factor AND revoked_at IS NULL
        RETURNING id;
END
$function$
