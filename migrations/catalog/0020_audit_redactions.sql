-- The erasure of a person removes personal values from rows of the audit trail. The seal of such a row is an HMAC by a
-- key that is not in the database: it proves that the service removed the values, and that nothing else was changed.
ALTER TABLE tenant_audit_logs ADD COLUMN redaction bytea;

-- Grows with each redaction and each voucher of a chain, so that a digest of former rows is never stored.
ALTER TABLE tenant_audit_heads ADD COLUMN revision bigint NOT NULL DEFAULT 0 CHECK (revision >= 0);
-- The revision of the chain that was verified. A checkpoint of a former revision is not used.
ALTER TABLE tenant_audit_checkpoints ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- As before, but the values that identify a person can be removed. This guards against mistakes. The seals reveal every
-- other change.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $function$
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
$function$;
