-- The slugs that tenants had before they were renamed. No other tenant can have one of them until an operator releases
-- it or the tenant is destroyed: bookmarks and configurations may still contain it.
CREATE TABLE tenant_former_slugs (
    slug text PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    renamed_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tenant_former_slugs_by_tenant ON tenant_former_slugs (tenant_id, renamed_at DESC, slug);

-- Keeps the slug of a tenant that is renamed, and refuses a slug that another tenant has had. The locks let calls with
-- the same slug wait for one another, so that no slug is taken between its last use and its reservation. They are
-- taken in one order, so that two calls never wait for each other.
CREATE FUNCTION reserve_slug() RETURNS trigger LANGUAGE plpgsql AS $function$
DECLARE
    former text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.slug END;
    place text;
BEGIN
    FOR place IN SELECT s FROM unnest(ARRAY[NEW.slug, former]) s WHERE s IS NOT NULL ORDER BY s COLLATE "C" LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('tenant slug ' || place, 0));
    END LOOP;
    IF EXISTS (SELECT FROM tenant_former_slugs f WHERE f.slug = NEW.slug AND f.tenant_id <> NEW.id) THEN
        RAISE unique_violation USING MESSAGE = 'the slug is reserved for another tenant',
                                     CONSTRAINT = 'tenant_former_slugs_pkey';
    END IF;
    IF former IS NOT NULL THEN
        DELETE FROM tenant_former_slugs f WHERE f.slug = NEW.slug;
        INSERT INTO tenant_former_slugs (slug, tenant_id) VALUES (former, NEW.id);
    END IF;
    RETURN NEW;
END
$function$;

REVOKE EXECUTE ON FUNCTION reserve_slug() FROM PUBLIC;

CREATE TRIGGER tenants_reserve_new_slug BEFORE INSERT ON tenants
    FOR EACH ROW EXECUTE FUNCTION reserve_slug();
CREATE TRIGGER tenants_reserve_slug BEFORE UPDATE OF slug ON tenants
    FOR EACH ROW WHEN (OLD.slug IS DISTINCT FROM NEW.slug) EXECUTE FUNCTION reserve_slug();
