CREATE OR REPLACE FUNCTION tenancy.note_verified_address()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'tenancy', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO verified_address_changes AS c (user_id, deleted_at)
    VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END, CASE TG_OP WHEN 'DELETE' THEN now() END)
    ON CONFLICT (user_id) DO UPDATE SET change = c.change + 1, deleted_at = excluded.deleted_at;
    RETURN NULL;
END
$function$
