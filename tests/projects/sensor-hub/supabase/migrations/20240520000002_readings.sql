BEGIN;

CREATE TABLE sites (
    id      SERIAL PRIMARY KEY,
    name    TEXT NOT NULL,
    path    extensions.ltree NOT NULL UNIQUE,
    owner   UUID REFERENCES auth.users (id) ON DELETE SET NULL
);

CREATE TABLE devices (
    id          UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    site_id     INT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    token_hash  TEXT NOT NULL,
    labels      extensions.hstore NOT NULL DEFAULT '',
    last_seen   TIMESTAMPTZ,
    CHECK (length(token_hash) = 64)
);

CREATE TABLE readings (
    device_id   UUID NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    taken_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    metric      TEXT NOT NULL,
    value       DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (device_id, metric, taken_at)
) PARTITION BY RANGE (taken_at);

CREATE TABLE readings_2024 PARTITION OF readings FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE readings_2025 PARTITION OF readings FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE readings_rest PARTITION OF readings DEFAULT;

CREATE MATERIALIZED VIEW hourly AS
    SELECT device_id, metric, date_trunc('hour', taken_at) AS hour, avg(value) AS mean, max(value) AS peak
    FROM readings GROUP BY 1, 2, 3
WITH NO DATA;
CREATE UNIQUE INDEX hourly_key ON hourly (device_id, metric, hour);
REFRESH MATERIALIZED VIEW hourly;

ALTER TABLE sites ENABLE ROW LEVEL SECURITY;
ALTER TABLE devices ENABLE ROW LEVEL SECURITY;
ALTER TABLE readings ENABLE ROW LEVEL SECURITY;
ALTER TABLE devices FORCE ROW LEVEL SECURITY;

CREATE POLICY sites_of_owner ON sites USING (owner = auth.uid());
CREATE POLICY devices_of_owner ON devices USING (site_id IN (SELECT id FROM sites));
CREATE POLICY readings_of_owner ON readings FOR SELECT USING (device_id IN (SELECT id FROM devices));
REVOKE ALL ON hourly FROM anon, authenticated;

COMMIT;
