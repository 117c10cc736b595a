//! What the service may be told: PostgREST's options that matter to a request. The server's own (ports, sockets, pool) are in
//! `server`.

use catalog::QualifiedName;

/// Options by PostgREST's names (`db-schemas` is [`RestConfig::schemas`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestConfig {
    /// `app.settings.*`, with that prefix.
    pub app_settings: Vec<(String, String)>,
    /// `client-error-verbosity=minimal`: only code and message.
    pub minimal_errors: bool,
    /// `db-aggregates-enabled`
    pub aggregates_enabled: bool,
    /// `db-anon-role`: none refuses requests without a token.
    pub anon_role: Option<String>,
    /// `db-extra-search-path`
    pub extra_search_path: Vec<String>,
    /// `db-hoisted-tx-settings`: settings of a function that are applied to its whole transaction.
    pub hoisted_settings: Vec<String>,
    /// `db-max-rows`
    pub max_rows: Option<u64>,
    /// `db-plan-enabled`
    pub plan_enabled: bool,
    /// `db-pre-request`
    pub pre_request: Option<QualifiedName>,
    /// `db-prepared-statements`
    pub prepared_statements: bool,
    /// `db-root-spec`
    pub root_spec: Option<QualifiedName>,
    /// What `ALTER ROLE … SET` says of the caller's role holds. With `db-config` off it does not: upstream reads it together with the
    /// options that are in the database.
    pub role_settings: bool,
    /// `db-schemas`; the first is the default.
    pub schemas: Vec<String>,
    /// `db-tx-end`
    pub tx_end: TxEnd,
    /// `openapi-mode`
    pub openapi_mode: OpenApiMode,
    /// `openapi-security-active`
    pub openapi_security_active: bool,
    /// `openapi-server-proxy-uri`
    pub openapi_server_proxy_uri: Option<String>,
    /// `server-cors-allowed-origins`; empty allows all.
    pub cors_allowed_origins: Vec<String>,
    /// `server-host`, as the OpenAPI document names it.
    pub server_host: String,
    /// `server-port`, as the OpenAPI document names it.
    pub server_port: u16,
    /// `server-timing-enabled`
    pub server_timing_enabled: bool,
    /// `server-trace-header`
    pub server_trace_header: Option<String>,
    /// `url-use-legacy-target-names`
    pub legacy_target_names: bool,
    /// The text of statements goes along with answers, for a log.
    pub log_query: bool,
    /// The largest body, in bytes; ours, upstream has no limit.
    pub max_body_bytes: usize,
    /// The name of the `Server` header; ours, so that a platform can show its own.
    pub server_header: String,
}

/// How transactions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxEnd {
    /// Always commit.
    Commit,
    /// Commit, unless `Prefer: tx=rollback`.
    CommitAllowOverride,
    /// Always roll back.
    Rollback,
    /// Roll back, unless `Prefer: tx=commit`.
    RollbackAllowOverride,
}

impl TxEnd {
    /// May the client choose?
    pub fn allows_override(self) -> bool {
        matches!(self, Self::CommitAllowOverride | Self::RollbackAllowOverride)
    }

    /// Does it roll back unless told otherwise?
    pub fn rolls_back(self) -> bool {
        matches!(self, Self::Rollback | Self::RollbackAllowOverride)
    }
}

/// What the root document shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenApiMode {
    /// What the caller may use.
    FollowPrivileges,
    /// Everything exposed.
    IgnorePrivileges,
    /// There is none.
    Disabled,
}

/// The version of PostgREST whose behaviour this is.
pub const POSTGREST_VERSION: &str = "16.2";

impl Default for RestConfig {
    fn default() -> Self {
        Self {
            app_settings: Vec::new(),
            minimal_errors: false,
            aggregates_enabled: false,
            anon_role: None,
            extra_search_path: vec!["public".to_owned()],
            hoisted_settings: [
                "statement_timeout",
                "plan_filter.statement_cost_limit",
                "default_transaction_isolation",
            ]
            .map(str::to_owned)
            .to_vec(),
            max_rows: None,
            plan_enabled: false,
            pre_request: None,
            prepared_statements: true,
            root_spec: None,
            role_settings: true,
            schemas: vec!["public".to_owned()],
            tx_end: TxEnd::Commit,
            openapi_mode: OpenApiMode::FollowPrivileges,
            openapi_security_active: false,
            openapi_server_proxy_uri: None,
            cors_allowed_origins: Vec::new(),
            server_host: "!4".to_owned(),
            server_port: 3000,
            server_timing_enabled: false,
            server_trace_header: None,
            legacy_target_names: true,
            log_query: false,
            max_body_bytes: 256 * 1024 * 1024,
            server_header: format!("postgrest/{POSTGREST_VERSION}"),
        }
    }
}
