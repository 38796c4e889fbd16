-- How messages to the users of the tenant look, and where their links lead, in one row.
CREATE TABLE tenancy.mail_settings (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    -- The page that receives a setup token; null for the page of the service.
    receiving_page text CHECK (length(receiving_page) BETWEEN 1 AND 2048),
    language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'de')),
    logo text CHECK (length(logo) BETWEEN 1 AND 2048),
    colour text CHECK (colour ~ '^#[0-9A-Fa-f]{6}$')
);
INSERT INTO tenancy.mail_settings DEFAULT VALUES;

-- The outbox of mail. A message is inserted by the statement of its cause.
CREATE TABLE tenancy.mail_messages (
    id uuid PRIMARY KEY,
    -- The recipient. The erasure of a person removes the messages too.
    user_id uuid NOT NULL REFERENCES tenancy.users (id) ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
    address text NOT NULL CHECK (length(address) BETWEEN 3 AND 320),
    language text NOT NULL CHECK (language IN ('en', 'de')),
    -- The hash of the token in the message. The message is not sent after the user has another token.
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    -- Sealed with a key of the tenant: the token. Null as soon as no attempt can follow.
    variables bytea CHECK (length(variables) <= 8192),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'sent', 'dead')),
    attempts bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- The attempts of which nobody knows whether they sent the message.
    unanswered bigint NOT NULL DEFAULT 0 CHECK (unanswered BETWEEN 0 AND 2),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When the token in the message expires.
    expires_at timestamptz NOT NULL,
    -- When the message was sent or became dead.
    ended_at timestamptz,
    failure text CHECK (failure IN
        ('rejected', 'refused', 'unanswered', 'expired', 'superseded', 'damaged', 'copied')),
    CONSTRAINT mail_messages_state CHECK (
        (state = 'sending') = (claimed_until IS NOT NULL) AND
        (state IN ('sent', 'dead')) = (ended_at IS NOT NULL) AND
        (state = 'dead') = (failure IS NOT NULL) AND
        (state NOT IN ('waiting', 'sending') OR variables IS NOT NULL)),
    CONSTRAINT mail_messages_rfc3339_times CHECK (
        next_attempt_at >= '0001-01-01 00:00:00+00' AND next_attempt_at < '10000-01-01 00:00:00+00' AND
        claimed_until >= '0001-01-01 00:00:00+00' AND claimed_until < '10000-01-01 00:00:00+00' AND
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00' AND
        expires_at >= '0001-01-01 00:00:00+00' AND expires_at < '10000-01-01 00:00:00+00' AND
        ended_at >= '0001-01-01 00:00:00+00' AND ended_at < '10000-01-01 00:00:00+00')
);
CREATE INDEX mail_messages_due ON tenancy.mail_messages (next_attempt_at, id)
    WHERE state IN ('waiting', 'sending');
CREATE INDEX mail_messages_by_user ON tenancy.mail_messages (user_id);
CREATE INDEX mail_messages_ended ON tenancy.mail_messages (ended_at) WHERE state IN ('sent', 'dead');
