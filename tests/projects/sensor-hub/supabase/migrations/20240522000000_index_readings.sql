CREATE INDEX CONCURRENTLY IF NOT EXISTS readings_2025_by_time ON readings_2025 USING brin (taken_at);
