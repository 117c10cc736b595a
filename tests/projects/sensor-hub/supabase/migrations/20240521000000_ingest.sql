-- Devices have no user: they call this with their token through the anon key.
CREATE OR REPLACE FUNCTION ingest(device UUID, token TEXT, batch JSONB) RETURNS INTEGER
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = public, extensions, pg_temp
    SET statement_timeout = '2s'
AS $BODY$
DECLARE
    known   devices%ROWTYPE;
    stored  INTEGER;
BEGIN
    SELECT * INTO known FROM devices WHERE id = device;
    IF NOT FOUND OR known.token_hash <> encode(digest(token, 'sha256'), 'hex') THEN
        RAISE EXCEPTION 'unknown device' USING ERRCODE = 'PT401';
    END IF;
    INSERT INTO readings (device_id, taken_at, metric, value)
    SELECT device, (r ->> 'at')::timestamptz, r ->> 'metric', (r ->> 'value')::float8
    FROM jsonb_array_elements(batch) AS r
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS stored = ROW_COUNT;
    UPDATE devices SET last_seen = clock_timestamp() WHERE id = device;
    IF stored > 0 THEN
        PERFORM pgmq.send('alarms', jsonb_build_object('device', device, 'stored', stored));
    END IF;
    RETURN stored;
END;
$BODY$;

SELECT pgmq.create('alarms');
SELECT pgmq.create_unlogged('scratch');
ALTER TABLE pgmq.q_alarms ENABLE ROW LEVEL SECURITY;
ALTER TABLE pgmq.a_alarms ENABLE ROW LEVEL SECURITY;

-- as the dashboard makes it for "expose queues via PostgREST"
CREATE SCHEMA IF NOT EXISTS pgmq_public;
GRANT USAGE ON SCHEMA pgmq_public TO postgres, anon, authenticated, service_role;
CREATE OR REPLACE FUNCTION pgmq_public.pop(queue_name TEXT) RETURNS SETOF pgmq.message_record
    LANGUAGE plpgsql SET search_path = ''
AS $$ BEGIN RETURN QUERY SELECT * FROM pgmq.pop(queue_name := queue_name); END; $$;
CREATE OR REPLACE FUNCTION pgmq_public.send(queue_name TEXT, message JSONB, sleep_seconds INTEGER DEFAULT 0) RETURNS SETOF BIGINT
    LANGUAGE plpgsql SET search_path = ''
AS $$ BEGIN RETURN QUERY SELECT * FROM pgmq.send(queue_name := queue_name, msg := message, delay := sleep_seconds); END; $$;
CREATE OR REPLACE FUNCTION pgmq_public.read(queue_name TEXT, sleep_seconds INTEGER, n INTEGER) RETURNS SETOF pgmq.message_record
    LANGUAGE plpgsql SET search_path = ''
AS $$ BEGIN RETURN QUERY SELECT * FROM pgmq.read(queue_name := queue_name, vt := sleep_seconds, qty := n); END; $$;
CREATE OR REPLACE FUNCTION pgmq_public.archive(queue_name TEXT, message_id BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql SET search_path = ''
AS $$ BEGIN RETURN pgmq.archive(queue_name := queue_name, msg_id := message_id); END; $$;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA pgmq_public FROM anon, authenticated;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgmq_public TO service_role;
GRANT USAGE ON SCHEMA pgmq TO service_role;
GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA pgmq TO service_role;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgmq TO service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA pgmq GRANT ALL PRIVILEGES ON TABLES TO service_role;
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA pgmq TO service_role;
