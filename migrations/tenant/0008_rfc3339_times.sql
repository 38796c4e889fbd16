-- Responses contain these times in the form of RFC 3339, which has years from 1 to 9999. One row with another time,
-- such as infinity, would make each list that contains it fail. Existing rows are not checked: the migration
-- must not fail on a row that an operator edited.

ALTER TABLE users ADD CONSTRAINT users_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00' AND
        updated_at >= '0001-01-01 00:00:00+00' AND updated_at < '10000-01-01 00:00:00+00' AND
        last_login >= '0001-01-01 00:00:00+00' AND last_login < '10000-01-01 00:00:00+00' AND
        setup_token_expires_at >= '0001-01-01 00:00:00+00' AND setup_token_expires_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE sessions ADD CONSTRAINT sessions_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00' AND
        expires_at >= '0001-01-01 00:00:00+00' AND expires_at < '10000-01-01 00:00:00+00' AND
        revoked_at >= '0001-01-01 00:00:00+00' AND revoked_at < '10000-01-01 00:00:00+00' AND
        rotated_at >= '0001-01-01 00:00:00+00' AND rotated_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE files ADD CONSTRAINT files_rfc3339_times CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00' AND
        updated_at >= '0001-01-01 00:00:00+00' AND updated_at < '10000-01-01 00:00:00+00') NOT VALID;
