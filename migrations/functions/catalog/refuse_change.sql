CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
    removable text[] := ARRAY['address', 'user_agent', 'detail', 'redaction'];
BEGIN
    IF TG_OP = 'UPDATE' AND TG_LEVEL = 'ROW' THEN
        IF NEW.redaction IS NOT NULL AND to_jsonb(NEW) - removable = to_jsonb(OLD) - removable
            AND (NEW.address IS NULL OR NEW.address = OLD.address)
            AND (NEW.user_agent IS NULL OR NEW.user_agent = OLD.user_agent)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$function$
