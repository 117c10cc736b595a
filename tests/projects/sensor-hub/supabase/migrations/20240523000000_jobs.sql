-- every 30 seconds: alarms to the ops hook
CREATE FUNCTION drain_alarms() RETURNS INT LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    alarm   RECORD;
    sent    INT := 0;
BEGIN
    FOR alarm IN SELECT * FROM pgmq.read('alarms', 30, 10) LOOP
        PERFORM net.http_post('http://127.0.0.1:9/alarm', alarm.message, '{}'::jsonb, '{"Content-Type": "application/json", "X-Hub": "1"}'::jsonb, 1000);
        PERFORM pgmq.archive('alarms', alarm.msg_id);
        sent := sent + 1;
    END LOOP;
    RETURN sent;
END;
$$;

SELECT cron.schedule('drain-alarms', '30 seconds', 'SELECT public.drain_alarms();');
SELECT cron.schedule('refresh-hourly', '5 * * * *', 'REFRESH MATERIALIZED VIEW CONCURRENTLY public.hourly');
SELECT cron.schedule('vacuum', '0 3 * * SUN', 'VACUUM ANALYZE public.readings');
SELECT cron.schedule('forget-runs', '@daily', $job$DELETE FROM cron.job_run_details WHERE end_time < now() - interval '7 days'$job$);
SELECT cron.schedule('old-name', '0 0 1 1 *', 'SELECT 1');
SELECT cron.unschedule('old-name');
UPDATE cron.job SET active = false WHERE jobname = 'vacuum';

-- a webhook as the dashboard writes it
CREATE TRIGGER device_seen
    AFTER INSERT OR UPDATE ON public.devices
    FOR EACH ROW
    EXECUTE FUNCTION supabase_functions.http_request('http://host.docker.internal:54421/functions/v1/device-seen', 'POST', '{"Content-type":"application/json"}', '{}', '1000');
