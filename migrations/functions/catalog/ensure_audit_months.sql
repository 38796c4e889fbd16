CREATE OR REPLACE FUNCTION public.ensure_audit_months(months integer)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
    month date;
BEGIN
    FOR month IN
        SELECT generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
                               date_trunc('month', now() AT TIME ZONE 'UTC')
                                   + make_interval(months => months),
                               interval '1 month')::date
    LOOP
        IF to_regclass('tenant_audit_logs_' || to_char(month, 'YYYY_MM')) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF tenant_audit_logs FOR VALUES FROM (%L) TO (%L)',
                'tenant_audit_logs_' || to_char(month, 'YYYY_MM'),
                to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
                to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
        END IF;
    END LOOP;
END
$function$
