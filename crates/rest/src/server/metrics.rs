//! `/metrics`, by the names of PostgREST.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pg::exec::Stats;

use crate::jwt::CacheStats;

/// Counters of the server.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    loaded: AtomicU64,
    failed: AtomicU64,
    query_time_us: AtomicU64,
}

impl Metrics {
    pub(super) fn catalog_loaded(&self, took: Duration) {
        self.loaded.fetch_add(1, Ordering::Relaxed);
        self.query_time_us.store(took.as_micros() as u64, Ordering::Relaxed);
    }

    pub(super) fn catalog_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The exposition format of Prometheus.
    pub(super) fn text(&self, pool: Stats, cache: CacheStats) -> String {
        let mut text = String::new();
        let mut line = |name: &str, kind: &str, help: &str, labels: &str, value: f64| {
            // Writing to a String does not fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{labels} {value}");
        };
        let seconds = self.query_time_us.load(Ordering::Relaxed) as f64 / 1e6;
        line(
            "pgrst_schema_cache_query_time_seconds",
            "gauge",
            "The query time in seconds of the last schema cache load",
            "",
            seconds,
        );
        let available = pool.available as f64;
        line(
            "pgrst_db_pool_timeouts_total",
            "counter",
            "The total number of pool connection timeouts",
            "",
            pool.timeouts as f64,
        );
        line("pgrst_db_pool_available", "gauge", "Available connections in the pool", "", available);
        line(
            "pgrst_db_pool_waiting",
            "gauge",
            "Requests waiting to acquire a pool connection",
            "",
            pool.waiting as f64,
        );
        line("pgrst_db_pool_max", "gauge", "Max pool connections", "", pool.max as f64);
        line(
            "pgrst_jwt_cache_requests_total",
            "counter",
            "The total number of JWT cache lookups",
            "",
            cache.requests as f64,
        );
        line("pgrst_jwt_cache_hits_total", "counter", "The total number of JWT cache hits", "", cache.hits as f64);
        line(
            "pgrst_jwt_cache_evictions_total",
            "counter",
            "The total number of JWT cache evictions",
            "",
            cache.evictions as f64,
        );
        let loads = "pgrst_schema_cache_loads_total";
        let _ = writeln!(
            text,
            "# HELP {loads} The total number of times the schema cache was loaded\n# TYPE {loads} counter"
        );
        for (status, count) in [("SUCCESS", &self.loaded), ("FAIL", &self.failed)] {
            let _ = writeln!(text, "{loads}{{status=\"{status}\"}} {}", count.load(Ordering::Relaxed));
        }
        text
    }
}
