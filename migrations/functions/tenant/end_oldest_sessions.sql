CREATE OR REPLACE FUNCTION tenancy.end_oldest_sessions(who uuid, current_version bigint, most integer)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 SET search_path TO 'tenancy', 'pg_temp'
AS $function$
BEGIN
    PERFORM FROM users WHERE id = who AND is_active AND version = current_version FOR UPDATE;
    IF NOT FOUND THEN RETURN; END IF;
    RETURN QUERY
        UPDATE sessions SET revoked_at = now(), revoked_reason = 'limit'
        WHERE id IN (
            SELECT s.id FROM sessions s
            WHERE s.user_id = who AND s.revoked_at IS NULL AND s.expires_at > now()
            ORDER BY s.created_at DESC, s.id DESC OFFSET most - 1)
        RETURNING id;
END
$function$
