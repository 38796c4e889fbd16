-- The tokens that a person has asked for by mail. A setup token is one of an administrator and is in `users`.
CREATE TABLE tenancy.account_tokens (
    user_id uuid NOT NULL REFERENCES tenancy.users (id) ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('password_recovery', 'address_verification')),
    -- A user has a few tokens of a purpose at one time. Concurrent requests cannot exceed the number, because the slot
    -- is part of the key.
    slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 2),
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    -- The address that received the token. The token is invalid after a change of the user's address.
    address text NOT NULL CHECK (length(address) BETWEEN 3 AND 320),
    -- The end of all sessions, such as a new password, also ends the token.
    session_epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
        CHECK (expires_at >= '0001-01-01 00:00:00+00' AND expires_at < '10000-01-01 00:00:00+00'),
    PRIMARY KEY (user_id, purpose, slot)
);
CREATE UNIQUE INDEX account_tokens_by_token ON tenancy.account_tokens (token_hash);

ALTER TABLE tenancy.mail_messages
    DROP CONSTRAINT mail_messages_purpose_check,
    ADD CONSTRAINT mail_messages_purpose_check CHECK (purpose IN
        ('invitation', 'password_reset', 'password_recovery', 'address_verification'));
