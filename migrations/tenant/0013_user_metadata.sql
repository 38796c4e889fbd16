-- What the application keeps about users, as JSON text, because numbers keep their notation in it and not in jsonb.
ALTER TABLE tenancy.users
    ADD COLUMN public_metadata text NOT NULL DEFAULT '{}'
        CONSTRAINT users_public_metadata_check
        CHECK (octet_length(public_metadata) <= 16384 AND jsonb_typeof(public_metadata::jsonb) = 'object'),
    ADD COLUMN private_metadata text NOT NULL DEFAULT '{}'
        CONSTRAINT users_private_metadata_check
        CHECK (octet_length(private_metadata) <= 16384 AND jsonb_typeof(private_metadata::jsonb) = 'object');

CREATE INDEX users_by_public_metadata ON tenancy.users USING gin ((public_metadata::jsonb) jsonb_path_ops);
CREATE INDEX users_by_private_metadata ON tenancy.users USING gin ((private_metadata::jsonb) jsonb_path_ops);
