-- The application folds the case of addresses, by the rules of Unicode. The rules of the database
-- depend on its locale, so it checks ASCII only.
ALTER TABLE users DROP CONSTRAINT IF EXISTS users_email_check;
ALTER TABLE users ADD CONSTRAINT users_email_check
    CHECK (email = lower(email COLLATE "C") AND char_length(email) BETWEEN 3 AND 254);

-- Usernames that differ in case only are one username in every locale. Where PostgreSQL was built
-- without ICU, or two users already have such names, the index stays as it is.
BEGIN
    CREATE UNIQUE INDEX users_username_unicode_key ON users (lower(username COLLATE "und-x-icu"));
    DROP INDEX users_username_key;
    ALTER INDEX users_username_unicode_key RENAME TO users_username_key;
EXCEPTION WHEN undefined_object OR unique_violation THEN NULL;
END;
