CREATE OR REPLACE FUNCTION public.jsonb_difference(one jsonb, other jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT COALESCE(jsonb_object_agg(key, value), '{}') FROM jsonb_each(one)
    WHERE other -> key IS DISTINCT FROM value
$function$
