DO
$$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pgmq') THEN
        CREATE EXTENSION pgmq;
    END IF;
    CREATE EXTENSION IF NOT EXISTS pg_cron;
    CREATE EXTENSION IF NOT EXISTS pg_net WITH SCHEMA extensions;
    CREATE EXTENSION IF NOT EXISTS tablefunc WITH SCHEMA extensions;
EXCEPTION
    WHEN duplicate_object THEN
        RAISE NOTICE 'an extension was there already';
END;
$$;

CREATE EXTENSION IF NOT EXISTS hstore SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS "ltree" WITH SCHEMA "extensions" VERSION '1.2' CASCADE;
