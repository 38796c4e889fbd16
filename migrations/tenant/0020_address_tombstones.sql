-- When the user was deleted. The row is removed a day later: no publication of an earlier change takes so long.
ALTER TABLE tenancy.verified_address_changes ADD COLUMN deleted_at timestamptz;
CREATE INDEX verified_address_changes_deleted ON tenancy.verified_address_changes (deleted_at)
    WHERE deleted_at IS NOT NULL;

CREATE OR REPLACE FUNCTION tenancy.note_verified_address() RETURNS trigger
LANGUAGE plpgsql SET search_path TO 'tenancy', 'pg_temp' AS $function$
BEGIN
    INSERT INTO verified_address_changes AS c (user_id, deleted_at)
    VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END, CASE TG_OP WHEN 'DELETE' THEN now() END)
    ON CONFLICT (user_id) DO UPDATE SET change = c.change + 1, deleted_at = excluded.deleted_at;
    RETURN NULL;
END
$function$;
UPDATE tenancy.verified_address_changes c SET deleted_at = now()
WHERE NOT EXISTS (SELECT FROM tenancy.users u WHERE u.id = c.user_id);
