-- When a waiting event was written. A trigger sets it, so the writer of a row cannot choose it. The rows that are here
-- now have no seal, because the release before wrote them.
ALTER TABLE audit_outbox ADD COLUMN written_at timestamptz NOT NULL DEFAULT '-infinity';

CREATE FUNCTION stamp_waiting_event() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    NEW.written_at := clock_timestamp();
    RETURN NEW;
END
$function$;

CREATE TRIGGER audit_outbox_stamp BEFORE INSERT ON audit_outbox
    FOR EACH ROW EXECUTE FUNCTION stamp_waiting_event();

-- Events without a seal are accepted if they were written before this time: instances of the release before run for
-- a while after the migration. A catalog that is new has none of them.
CREATE TABLE audit_sealing (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    accepts_unsealed_until timestamptz NOT NULL
);

INSERT INTO audit_sealing (accepts_unsealed_until)
SELECT CASE WHEN EXISTS (SELECT FROM tenants) OR EXISTS (SELECT FROM tenant_audit_heads)
                 OR EXISTS (SELECT FROM audit_outbox)
       THEN now() + interval '7 days' ELSE now() END;

-- Forged events that were removed from the outboxes of a chain.
CREATE TABLE audit_forgeries (
    -- The nil UUID is the platform's own chain.
    chain uuid PRIMARY KEY,
    -- The rows without a report in the platform's chain.
    unreported bigint NOT NULL CHECK (unreported >= 0),
    total bigint NOT NULL CHECK (total >= unreported),
    reported_at timestamptz NOT NULL DEFAULT '-infinity'
);

-- The heads of all chains on a day. An event in the platform's chain has a digest over them.
CREATE TABLE audit_anchorings (
    -- The day in UTC.
    day date PRIMARY KEY,
    anchoring uuid NOT NULL UNIQUE
);

CREATE TABLE audit_anchored_heads (
    anchoring uuid NOT NULL,
    -- The nil UUID is the platform's own chain.
    chain uuid NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    mac bytea NOT NULL CHECK (length(mac) = 32),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (anchoring, chain)
);

CREATE INDEX audit_anchored_heads_by_chain ON audit_anchored_heads (chain);

-- The rows of a chain that are verified by a digest instead of their MACs, so that the master keys that chained them
-- can be destroyed. The seal is an HMAC by a key that is not in the database.
CREATE TABLE tenant_audit_vouchers (
    chain uuid PRIMARY KEY,
    -- The digest begins after this row: the anchor, or 0.
    after bigint NOT NULL CHECK (after >= 0),
    sequence bigint NOT NULL CHECK (sequence > after),
    mac bytea NOT NULL CHECK (length(mac) = 32),
    digest bytea NOT NULL CHECK (length(digest) = 32),
    seal bytea NOT NULL CHECK (length(seal) = 32),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A verification that goes on from a checkpoint goes on with the digest, too. The release before knows no digest, and
-- the seal of its checkpoints is another one.
ALTER TABLE tenant_audit_checkpoints
    ADD COLUMN after bigint CHECK (after >= 0),
    ADD COLUMN digest bytea CHECK (length(digest) = 32);
