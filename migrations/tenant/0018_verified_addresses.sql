-- The users whose verified address has changed. The service carries each change over to the catalog, which finds the
-- tenants of a person by the address. A row stays after its user, so that the catalog never returns to an earlier change.
LOCK TABLE tenancy.users IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE tenancy.verified_address_changes (
    user_id uuid PRIMARY KEY,
    -- The number of the last change, and of the last one that the catalog has.
    change bigint NOT NULL DEFAULT 1,
    published bigint NOT NULL DEFAULT 0
);
CREATE INDEX verified_address_changes_unpublished ON tenancy.verified_address_changes (user_id)
    WHERE published < change;
DECLARE
    given name;
BEGIN
    -- In the same transaction, because requests continue.
    FOR given IN
        SELECT r.rolname FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
        WHERE c.oid = 'tenancy.users'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON tenancy.verified_address_changes TO %I', given);
    END LOOP;
END;
INSERT INTO tenancy.verified_address_changes (user_id) SELECT id FROM tenancy.users WHERE is_verified;

CREATE FUNCTION tenancy.note_verified_address() RETURNS trigger
LANGUAGE plpgsql SET search_path TO 'tenancy', 'pg_temp' AS $function$
BEGIN
    INSERT INTO verified_address_changes AS c (user_id)
    VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END)
    ON CONFLICT (user_id) DO UPDATE SET change = c.change + 1;
    RETURN NULL;
END
$function$;
REVOKE ALL ON FUNCTION tenancy.note_verified_address() FROM PUBLIC;
CREATE TRIGGER users_insert_verified_address AFTER INSERT ON tenancy.users
    FOR EACH ROW WHEN (NEW.is_verified) EXECUTE FUNCTION tenancy.note_verified_address();
CREATE TRIGGER users_update_verified_address AFTER UPDATE ON tenancy.users
    FOR EACH ROW WHEN ((OLD.is_verified OR NEW.is_verified)
        AND (OLD.email, OLD.is_verified, OLD.is_active) IS DISTINCT FROM (NEW.email, NEW.is_verified, NEW.is_active))
    EXECUTE FUNCTION tenancy.note_verified_address();
CREATE TRIGGER users_delete_verified_address AFTER DELETE ON tenancy.users
    FOR EACH ROW WHEN (OLD.is_verified) EXECUTE FUNCTION tenancy.note_verified_address();

ALTER TABLE tenancy.account_tokens
    DROP CONSTRAINT account_tokens_purpose_check,
    ADD CONSTRAINT account_tokens_purpose_check CHECK (purpose IN
        ('password_recovery', 'address_verification', 'sign_in', 'address_change', 'address_objection', 'tenant_list'));
ALTER TABLE tenancy.mail_messages
    DROP CONSTRAINT mail_messages_purpose_check,
    ADD CONSTRAINT mail_messages_purpose_check CHECK (purpose IN
        ('invitation', 'password_reset', 'password_recovery', 'address_verification', 'sign_in', 'address_change',
         'address_changed', 'address_replaced', 'address_in_use', 'new_device', 'password_changed',
         'second_factor_added', 'second_factor_removed', 'second_factors_reset', 'tenant_list'));
