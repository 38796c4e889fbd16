-- Update `tenantctl mail deliver` before the instances: an earlier one cannot send the new messages.

-- First, because a deletion of a user locks the tables in this order, too.
-- The devices with which a user signed in last, each as a keyed hash of its program and network.
CREATE TABLE tenancy.user_devices (
    user_id uuid NOT NULL REFERENCES tenancy.users (id) ON DELETE CASCADE,
    device_hash bytea NOT NULL CHECK (length(device_hash) = 32),
    created_at timestamptz NOT NULL
        CHECK (created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00'),
    last_used_at timestamptz NOT NULL
        CHECK (last_used_at >= '0001-01-01 00:00:00+00' AND last_used_at < '10000-01-01 00:00:00+00'),
    PRIMARY KEY (user_id, device_hash)
);

-- Whether users can sign in with a link or a code that is sent by mail.
ALTER TABLE tenancy.security_policy ADD COLUMN mailed_sign_in boolean NOT NULL DEFAULT false;

ALTER TABLE tenancy.account_tokens
    DROP CONSTRAINT account_tokens_purpose_check,
    ADD CONSTRAINT account_tokens_purpose_check CHECK (purpose IN
        ('password_recovery', 'address_verification', 'sign_in', 'address_change', 'address_objection')),
    -- Requests from the networks of the user have slots of their own, which strangers cannot fill.
    DROP CONSTRAINT account_tokens_slot_check,
    ADD CONSTRAINT account_tokens_slot_check CHECK (slot BETWEEN 0 AND 5),
    -- Of the request for a sign-in, which the browser keeps. The code in the message is valid only with it.
    ADD COLUMN request_hash bytea CHECK (length(request_hash) = 32),
    -- Of the request and the code together: the code has few digits.
    ADD COLUMN code_hash bytea CHECK (length(code_hash) = 32),
    -- The number of wrong codes.
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    -- The address of the user at the request, if another one received the token.
    ADD COLUMN former_address text CHECK (length(former_address) BETWEEN 3 AND 320),
    -- The session that asked for a change of the address. It continues after the change.
    ADD COLUMN session_id uuid;
CREATE UNIQUE INDEX account_tokens_by_request ON tenancy.account_tokens (request_hash);

ALTER TABLE tenancy.mail_messages
    -- Whether the request for the message came from a network of the user.
    ADD COLUMN is_from_own_network boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT mail_messages_purpose_check,
    ADD CONSTRAINT mail_messages_purpose_check CHECK (purpose IN
        ('invitation', 'password_reset', 'password_recovery', 'address_verification', 'sign_in', 'address_change',
         'address_changed', 'address_replaced', 'address_in_use', 'new_device', 'password_changed',
         'second_factor_added', 'second_factor_removed', 'second_factors_reset')),
    -- A notice has no token.
    ALTER COLUMN token_hash DROP NOT NULL;

-- Whether users get a notice after a sign-in with a new device.
ALTER TABLE tenancy.mail_settings ADD COLUMN new_device_notices boolean NOT NULL DEFAULT true;
