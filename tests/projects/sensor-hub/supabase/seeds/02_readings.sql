INSERT INTO sites (name, path, owner) VALUES ('Nord', 'eu.de.nord', '5e000000-0000-4000-8000-000000000001');
INSERT INTO devices (id, site_id, token_hash, labels)
VALUES ('de000000-0000-4000-8000-000000000001', 1, encode(extensions.digest('device-token', 'sha256'), 'hex'), 'room=>"boiler", floor=>1');
COPY readings (device_id, taken_at, metric, value) FROM stdin WITH (DELIMITER ';');
de000000-0000-4000-8000-000000000001;2024-06-01 00:00:00+00;temperature;21.5
de000000-0000-4000-8000-000000000001;2025-06-01 00:00:00+00;temperature;23.25
\.
SELECT ingest('de000000-0000-4000-8000-000000000001', 'device-token', '[{"at": "2025-07-01T00:00:00Z", "metric": "temperature", "value": 24}]');
REFRESH MATERIALIZED VIEW hourly;
