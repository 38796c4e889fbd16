-- When a waiting event was written. A trigger sets it, so the tenant's role cannot choose it. The rows that are here
-- now have no seal, because the release before wrote them.
ALTER TABLE audit_outbox ADD COLUMN written_at timestamptz NOT NULL DEFAULT '-infinity';

CREATE FUNCTION stamp_waiting_event() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    NEW.written_at := clock_timestamp();
    RETURN NEW;
END
$function$;

-- Functions are executable by PUBLIC when they are created.
REVOKE ALL ON FUNCTION stamp_waiting_event() FROM PUBLIC;

CREATE TRIGGER audit_outbox_stamp BEFORE INSERT ON audit_outbox
    FOR EACH ROW EXECUTE FUNCTION stamp_waiting_event();
