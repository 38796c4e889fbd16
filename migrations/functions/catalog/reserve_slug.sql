CREATE OR REPLACE FUNCTION public.reserve_slug()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
$function$
