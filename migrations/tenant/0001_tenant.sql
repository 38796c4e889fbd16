-- A tenant's own database: its people and what they keep. The tenant's role may read and write the
-- rows and nothing more; that no other role gets here is the database's CONNECT privilege.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL
        CONSTRAINT users_email_key UNIQUE
        CHECK (email = lower(email) AND char_length(email) BETWEEN 3 AND 254),
    username text CHECK (char_length(username) BETWEEN 1 AND 64),
    first_name text CHECK (char_length(first_name) BETWEEN 1 AND 100),
    last_name text CHECK (char_length(last_name) BETWEEN 1 AND 100),
    role text NOT NULL CHECK (role IN ('admin', 'user', 'viewer')),
    is_active boolean NOT NULL DEFAULT true,
    is_verified boolean NOT NULL DEFAULT false,
    -- A PHC string. NULL until the user has set a password: such a user cannot sign in.
    password_hash text CHECK (password_hash LIKE '$%'),
    -- SHA-256 of the token that sets the password once.
    setup_token_hash bytea
        CONSTRAINT users_setup_token_hash_key UNIQUE
        CHECK (length(setup_token_hash) = 32),
    setup_token_expires_at timestamptz,
    -- Grows when tokens that were issued before must not count any more.
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    last_login timestamptz,
    CHECK ((setup_token_hash IS NULL) = (setup_token_expires_at IS NULL))
);

CREATE UNIQUE INDEX users_username_key ON users (lower(username));
CREATE INDEX users_by_creation ON users (created_at, id);

CREATE FUNCTION touch_user() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    -- A sign-in is no change of the user.
    IF (to_jsonb(NEW) - 'last_login') IS DISTINCT FROM (to_jsonb(OLD) - 'last_login') THEN
        NEW.updated_at := now();
    END IF;
    IF (NEW.role, NEW.is_active) IS DISTINCT FROM (OLD.role, OLD.is_active) THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER users_touch BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION touch_user();

-- A session is a family of refresh tokens, of which the last one counts.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL
        CONSTRAINT sessions_token_hash_key UNIQUE
        CHECK (length(token_hash) = 32),
    previous_token_hash bytea CHECK (length(previous_token_hash) = 32),
    rotated_at timestamptz,
    user_agent text CHECK (char_length(user_agent) <= 512),
    address text CHECK (char_length(address) <= 64),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text
        CHECK (revoked_reason IN ('logout', 'logout_everywhere', 'reuse', 'password', 'admin')),
    CHECK (expires_at > created_at),
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);

CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_previous_token ON sessions (previous_token_hash);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE files (
    id uuid PRIMARY KEY,
    path text NOT NULL CHECK (octet_length(path) BETWEEN 1 AND 1024),
    size bigint NOT NULL CHECK (size >= 0),
    chunk_count bigint NOT NULL CHECK (chunk_count >= 0),
    content_type text NOT NULL CHECK (char_length(content_type) BETWEEN 1 AND 255),
    etag text NOT NULL,
    -- An upload counts once it is whole; until then the file before it does.
    status text NOT NULL CHECK (status IN ('uploading', 'complete', 'deleting')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX files_path_key ON files (path) WHERE status = 'complete';
CREATE INDEX files_unfinished ON files (updated_at) WHERE status <> 'complete';

GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, files TO PUBLIC;
GRANT SELECT ON schema_migrations TO PUBLIC;
