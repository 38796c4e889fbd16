-- Update `tenantctl mail deliver` before the instances: an earlier one cannot send the new messages.

-- Whether users can sign in with a link or a code that is sent by mail.
ALTER TABLE tenancy.security_policy ADD COLUMN mailed_sign_in boolean NOT NULL DEFAULT false;

ALTER TABLE tenancy.account_tokens
    DROP CONSTRAINT account_tokens_purpose_check,
    ADD CONSTRAINT account_tokens_purpose_check CHECK (purpose IN
        ('password_recovery', 'address_verification', 'sign_in')),
    -- Requests from the networks of the user have slots of their own, which strangers cannot fill.
    DROP CONSTRAINT account_tokens_slot_check,
    ADD CONSTRAINT account_tokens_slot_check CHECK (slot BETWEEN 0 AND 5),
    -- Of the request for a sign-in, which the browser keeps. The code in the message is valid only with it.
    ADD COLUMN request_hash bytea CHECK (length(request_hash) = 32),
    -- Of the request and the code together: the code has few digits.
    ADD COLUMN code_hash bytea CHECK (length(code_hash) = 32),
    -- The number of wrong codes.
    ADD COLUMN failures integer NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX account_tokens_by_request ON tenancy.account_tokens (request_hash);

ALTER TABLE tenancy.mail_messages
    -- Whether the request for the message came from a network of the user.
    ADD COLUMN is_from_own_network boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT mail_messages_purpose_check,
    ADD CONSTRAINT mail_messages_purpose_check CHECK (purpose IN
        ('invitation', 'password_reset', 'password_recovery', 'address_verification', 'sign_in'));
