//! Counts and times of requests, as Prometheus reads them. One registry per listener: nothing global.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds in seconds: from a cached read to a slow report.
const BUCKETS: [f64; 13] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

type Labels = [(&'static str, &'static str); 1];

/// What a service's requests are counted in. Made once per service, so that a request touches atomics only.
#[derive(Debug, Clone)]
pub struct ServiceMetrics {
    /// By class of status: 1xx to 5xx.
    answers: [Counter; 5],
    seconds: Histogram,
}

impl ServiceMetrics {
    /// Counts an answer.
    pub fn record(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.answers[class].inc();
        self.seconds.observe(took.as_secs_f64());
    }
}

/// The registry of one listener.
pub struct Metrics {
    registry: Registry,
    requests: Family<[(&'static str, &'static str); 2], Counter>,
    seconds: Family<Labels, Histogram>,
    /// Requests under way.
    pub in_flight: Gauge<i64, AtomicI64>,
    /// Open connections.
    pub connections: Gauge<i64, AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("basalt");
        let requests = Family::default();
        let seconds = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let (in_flight, connections) = (Gauge::default(), Gauge::default());
        registry.register("http_requests", "Answered requests by service and class of status", requests.clone());
        registry.register("http_request_seconds", "Time to answer by service", seconds.clone());
        registry.register("http_requests_in_flight", "Requests under way", in_flight.clone());
        registry.register("http_connections", "Open client connections", connections.clone());
        Self { registry, requests, seconds, in_flight, connections }
    }
}

impl Metrics {
    /// The handles for a service.
    pub fn service(&self, name: &'static str) -> ServiceMetrics {
        let class = |class| self.requests.get_or_create(&[("service", name), ("status", class)]).clone();
        ServiceMetrics {
            answers: [class("1xx"), class("2xx"), class("3xx"), class("4xx"), class("5xx")],
            seconds: self.seconds.get_or_create(&[("service", name)]).clone(),
        }
    }

    /// Adds what another part of the server measures.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// The page, in the OpenMetrics text format.
    pub fn page(&self) -> String {
        let mut page = String::new();
        if encode(&mut page, &self.registry).is_err() {
            page.clear();
        }
        page
    }
}
