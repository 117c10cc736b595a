//! PostgREST's 44 options: names, defaults, aliases, and what their values may be.

use std::collections::BTreeMap;
use std::time::Duration;

use catalog::QualifiedName;

use super::config_file::Value;
use crate::jwt::JwtRules;
use crate::{OpenApiMode, RestConfig, TxEnd};

/// An option as it is known by its name.
pub(super) struct Knob {
    pub(super) name: &'static str,
    /// Its name before PostgREST 9, still read.
    pub(super) alias: Option<&'static str>,
    /// May `ALTER ROLE … SET pgrst.*` set it?
    pub(super) in_db: bool,
}

const fn knob(name: &'static str, alias: Option<&'static str>, in_db: bool) -> Knob {
    Knob { name, alias, in_db }
}

/// Every option but `app.settings.*`, in the order of `--dump-config`.
pub(super) const KNOBS: &[Knob] = &[
    knob("admin-server-host", None, false),
    knob("admin-server-port", None, false),
    knob("admin-server-unix-socket", None, false),
    knob("admin-server-unix-socket-mode", None, false),
    knob("client-error-verbosity", None, true),
    knob("db-aggregates-enabled", None, true),
    knob("db-anon-role", None, true),
    knob("db-channel", None, false),
    knob("db-channel-enabled", None, false),
    knob("db-config", None, false),
    knob("db-extra-search-path", None, true),
    knob("db-hoisted-tx-settings", None, true),
    knob("db-max-rows", Some("max-rows"), true),
    knob("db-plan-enabled", None, true),
    knob("db-pool", None, false),
    knob("db-pool-acquisition-timeout", None, false),
    knob("db-pool-automatic-recovery", None, false),
    knob("db-pool-max-idletime", Some("db-pool-timeout"), false),
    knob("db-pool-max-lifetime", None, false),
    knob("db-pre-config", None, false),
    knob("db-pre-request", Some("pre-request"), true),
    knob("db-prepared-statements", None, true),
    knob("db-root-spec", Some("root-spec"), true),
    knob("db-schemas", Some("db-schema"), true),
    knob("db-tx-end", None, true),
    knob("db-uri", None, false),
    knob("jwt-aud", None, true),
    knob("jwt-cache-max-entries", None, true),
    knob("jwt-role-claim-key", Some("role-claim-key"), true),
    knob("jwt-secret", None, true),
    knob("jwt-secret-is-base64", Some("secret-is-base64"), true),
    knob("log-level", None, true),
    knob("log-query", None, true),
    knob("openapi-mode", None, true),
    knob("openapi-security-active", None, true),
    knob("openapi-server-proxy-uri", None, true),
    knob("server-cors-allowed-origins", None, true),
    knob("server-host", None, false),
    knob("server-port", None, false),
    knob("server-reuseport", None, false),
    knob("server-timing-enabled", None, true),
    knob("server-trace-header", None, true),
    knob("server-unix-socket", None, false),
    knob("server-unix-socket-mode", None, false),
    knob("url-use-legacy-target-names", None, true),
];

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "PostgREST's words")]
pub enum LogLevel {
    Crit,
    Error,
    Warn,
    Info,
    Debug,
}

/// A listener's socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `!4`, `*`, a name or an address.
    pub host: String,
    /// TCP port; `None` where there is no listener.
    pub port: Option<u16>,
    /// A Unix socket instead of TCP.
    pub unix_socket: Option<String>,
    /// Its permission bits.
    pub unix_socket_mode: u32,
}

/// The options, checked.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the option of the same name; PostgREST's documentation describes it")]
pub struct Config {
    pub admin: Endpoint,
    /// `app.settings.*`, whole names.
    pub app_settings: Vec<(String, String)>,
    /// `minimal`: code and message alone.
    pub minimal_errors: bool,
    pub db_aggregates_enabled: bool,
    pub db_anon_role: Option<String>,
    pub db_channel: String,
    pub db_channel_enabled: bool,
    pub db_config: bool,
    pub db_extra_search_path: Vec<String>,
    pub db_hoisted_tx_settings: Vec<String>,
    pub db_max_rows: Option<u64>,
    pub db_plan_enabled: bool,
    /// `None`: not set, so that the executor's own sizes hold.
    pub db_pool: Option<usize>,
    pub db_pool_acquisition_timeout: Duration,
    pub db_pool_automatic_recovery: bool,
    pub db_pool_max_idletime: Duration,
    pub db_pool_max_lifetime: Duration,
    pub db_pre_config: Option<String>,
    /// As written: `schema.name` or `name`.
    pub db_pre_request: Option<String>,
    pub db_prepared_statements: bool,
    pub db_root_spec: Option<String>,
    pub db_schemas: Vec<String>,
    pub db_tx_end: TxEnd,
    pub db_uri: base::Secret,
    pub jwt_aud: Option<String>,
    pub jwt_cache_max_entries: usize,
    pub jwt_role_claim_key: String,
    pub jwt_secret: Option<base::Secret>,
    pub jwt_secret_is_base64: bool,
    pub log_level: LogLevel,
    pub log_query: bool,
    pub openapi_mode: OpenApiMode,
    pub openapi_security_active: bool,
    pub openapi_server_proxy_uri: Option<String>,
    /// `None`: all.
    pub server_cors_allowed_origins: Option<Vec<String>>,
    pub server: Endpoint,
    pub server_reuseport: bool,
    pub server_timing_enabled: bool,
    pub server_trace_header: Option<String>,
    pub url_use_legacy_target_names: bool,
}

/// `schema.name`, or a bare name, which PostgreSQL looks up in the search path.
fn qualified(text: &str) -> QualifiedName {
    match text.split_once('.') {
        Some((schema, name)) => QualifiedName::new(schema, name),
        None => QualifiedName::local(text),
    }
}

impl Default for Config {
    fn default() -> Self {
        match Self::from_options(&BTreeMap::new()) {
            Ok(config) => config,
            Err(error) => unreachable!("the defaults are valid: {error}"),
        }
    }
}

impl Config {
    /// Checks options that were gathered by name; aliases are resolved before.
    ///
    /// # Errors
    /// A sentence that names the option and what it may be.
    pub fn from_options(options: &BTreeMap<String, Value>) -> Result<Self, String> {
        let o = Options(options);
        let server_host = o.text("server-host").unwrap_or_else(|| "!4".into());
        let config = Self {
            admin: Endpoint {
                host: o.text("admin-server-host").unwrap_or_else(|| server_host.clone()),
                port: o.number("admin-server-port")?,
                unix_socket: o.text("admin-server-unix-socket"),
                unix_socket_mode: o.mode("admin-server-unix-socket-mode")?,
            },
            app_settings: o.app_settings(),
            minimal_errors: o.choice("client-error-verbosity", &[("verbose", false), ("minimal", true)])?,
            db_aggregates_enabled: o.bool("db-aggregates-enabled", false)?,
            db_anon_role: o.text("db-anon-role"),
            db_channel: o.text("db-channel").unwrap_or_else(|| "pgrst".into()),
            db_channel_enabled: o.bool("db-channel-enabled", true)?,
            db_config: o.bool("db-config", true)?,
            db_extra_search_path: o.list("db-extra-search-path").unwrap_or_else(|| vec!["public".into()]),
            db_hoisted_tx_settings: o.list("db-hoisted-tx-settings").unwrap_or_else(hoisted),
            db_max_rows: o.number("db-max-rows")?,
            db_plan_enabled: o.bool("db-plan-enabled", false)?,
            db_pool: o.number("db-pool")?,
            db_pool_acquisition_timeout: o.seconds("db-pool-acquisition-timeout", 10)?,
            db_pool_automatic_recovery: o.bool("db-pool-automatic-recovery", true)?,
            db_pool_max_idletime: o.seconds("db-pool-max-idletime", 30)?,
            db_pool_max_lifetime: o.seconds("db-pool-max-lifetime", 1800)?,
            db_pre_config: o.text("db-pre-config"),
            db_pre_request: o.text("db-pre-request"),
            db_prepared_statements: o.bool("db-prepared-statements", true)?,
            db_root_spec: o.text("db-root-spec"),
            db_schemas: o.list("db-schemas").filter(|l| !l.is_empty()).unwrap_or_else(|| vec!["public".into()]),
            db_tx_end: o.choice("db-tx-end", &TX_ENDS)?,
            db_uri: base::Secret::new(o.text("db-uri").unwrap_or_else(|| "postgresql://".into())),
            jwt_aud: o.text("jwt-aud"),
            jwt_cache_max_entries: o.number("jwt-cache-max-entries")?.unwrap_or(1000),
            jwt_role_claim_key: o.text("jwt-role-claim-key").unwrap_or_else(|| "$.role".into()),
            jwt_secret: o.text("jwt-secret").map(base::Secret::new),
            jwt_secret_is_base64: o.bool("jwt-secret-is-base64", false)?,
            log_level: o.choice("log-level", &LOG_LEVELS)?,
            log_query: o.bool("log-query", false)?,
            openapi_mode: o.choice("openapi-mode", &OPENAPI_MODES)?,
            openapi_security_active: o.bool("openapi-security-active", false)?,
            openapi_server_proxy_uri: o.text("openapi-server-proxy-uri"),
            server_cors_allowed_origins: o.list("server-cors-allowed-origins").filter(|l| !l.is_empty()),
            server: Endpoint {
                host: server_host,
                port: Some(o.number("server-port")?.unwrap_or(3000)),
                unix_socket: o.text("server-unix-socket"),
                unix_socket_mode: o.mode("server-unix-socket-mode")?,
            },
            server_reuseport: o.bool("server-reuseport", false)?,
            server_timing_enabled: o.bool("server-timing-enabled", false)?,
            server_trace_header: o.text("server-trace-header"),
            url_use_legacy_target_names: o.bool("url-use-legacy-target-names", true)?,
        };
        config.check()?;
        Ok(config)
    }

    /// What of it the service needs.
    pub fn rest(&self) -> RestConfig {
        RestConfig {
            app_settings: self.app_settings.clone(),
            minimal_errors: self.minimal_errors,
            aggregates_enabled: self.db_aggregates_enabled,
            anon_role: self.db_anon_role.clone(),
            extra_search_path: self.db_extra_search_path.clone(),
            hoisted_settings: self.db_hoisted_tx_settings.clone(),
            max_rows: self.db_max_rows,
            plan_enabled: self.db_plan_enabled,
            pre_request: self.db_pre_request.as_deref().map(qualified),
            prepared_statements: self.db_prepared_statements,
            root_spec: self.db_root_spec.as_deref().map(qualified),
            role_settings: self.db_config,
            schemas: self.db_schemas.clone(),
            tx_end: self.db_tx_end,
            openapi_mode: self.openapi_mode,
            openapi_security_active: self.openapi_security_active,
            openapi_server_proxy_uri: self.openapi_server_proxy_uri.clone(),
            cors_allowed_origins: self.server_cors_allowed_origins.clone().unwrap_or_default(),
            server_host: self.server.host.clone(),
            server_port: self.server.port.unwrap_or_default(),
            server_timing_enabled: self.server_timing_enabled,
            server_trace_header: self.server_trace_header.clone(),
            legacy_target_names: self.url_use_legacy_target_names,
            log_query: self.log_query,
            ..RestConfig::default()
        }
    }

    /// What decides over tokens.
    ///
    /// # Errors
    /// A secret or a role path that cannot be used, in a sentence.
    pub fn jwt_rules(&self) -> Result<JwtRules, String> {
        Ok(JwtRules {
            audience: self.jwt_aud.clone(),
            anon_role: self.db_anon_role.clone(),
            cache_entries: self.jwt_cache_max_entries,
            ..JwtRules::new(self.jwt_secret.as_ref(), self.jwt_secret_is_base64, &self.jwt_role_claim_key)?
        })
    }

    fn check(&self) -> Result<(), String> {
        let system = self.db_schemas.iter().find(|s| matches!(s.as_str(), "pg_catalog" | "information_schema"));
        if let Some(schema) = system {
            return Err(format!("db-schemas does not allow schema: '{schema}'"));
        }
        if self.admin.port.is_some() && self.admin.port == self.server.port {
            return Err("admin-server-port cannot be the same as server-port".into());
        }
        // A string with a colon must be a URI (RFC 7519 §2, StringOrURI).
        if self.jwt_aud.as_deref().is_some_and(|aud| aud.contains(':') && !is_uri(aud)) {
            return Err("jwt-aud should be a string or a valid URI".into());
        }
        if self.openapi_server_proxy_uri.as_deref().is_some_and(|uri| crate::openapi::proxy(uri).is_none()) {
            return Err("Malformed proxy uri, a correct example: https://example.com:8443/basePath".into());
        }
        Ok(())
    }
}

/// A URI of any scheme (RFC 3986): `urn:example:aud`.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut rest = rest.bytes();
    let is_known = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&b);
    let mut all_known = true;
    while let Some(byte) = rest.next() {
        all_known &= match byte {
            b'%' => [rest.next(), rest.next()].iter().all(|digit| digit.is_some_and(|d| d.is_ascii_hexdigit())),
            other => is_known(other),
        };
    }
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && all_known
}

pub(super) const TX_ENDS: [(&str, TxEnd); 4] = [
    ("commit", TxEnd::Commit),
    ("commit-allow-override", TxEnd::CommitAllowOverride),
    ("rollback", TxEnd::Rollback),
    ("rollback-allow-override", TxEnd::RollbackAllowOverride),
];
pub(super) const LOG_LEVELS: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("crit", LogLevel::Crit),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];
pub(super) const OPENAPI_MODES: [(&str, OpenApiMode); 3] = [
    ("follow-privileges", OpenApiMode::FollowPrivileges),
    ("ignore-privileges", OpenApiMode::IgnorePrivileges),
    ("disabled", OpenApiMode::Disabled),
];

fn hoisted() -> Vec<String> {
    ["statement_timeout", "plan_filter.statement_cost_limit", "default_transaction_isolation"].map(str::to_owned).into()
}

/// Options by name, read as what each should be.
struct Options<'a>(&'a BTreeMap<String, Value>);

impl Options<'_> {
    /// An empty text counts as not set.
    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(Value::to_text).filter(|t| !t.is_empty())
    }

    /// `true` in any case and among other signs, or a number, of which those above 0 are true; as upstream reads it.
    fn bool(&self, name: &str, default: bool) -> Result<bool, String> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let letters: String = text.chars().filter(|c| c.is_alphabetic()).collect();
        match (letters.to_lowercase().as_str(), text.trim().parse::<i64>()) {
            ("true", _) => Ok(true),
            ("false", _) => Ok(false),
            (_, Ok(number)) => Ok(number > 0),
            _ => Err(format!("{name} must be true or false, not {text:?}")),
        }
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| format!("{name} must be a whole number, not {text:?}"))
    }

    fn seconds(&self, name: &str, default: u64) -> Result<Duration, String> {
        Ok(Duration::from_secs(self.number(name)?.unwrap_or(default)))
    }

    /// Octal permission bits that let the owner in, as upstream checks them.
    fn mode(&self, name: &str) -> Result<u32, String> {
        let Some(text) = self.text(name) else { return Ok(0o660) };
        match u32::from_str_radix(&text, 8) {
            Ok(mode) if (0o600..=0o777).contains(&mode) => Ok(mode),
            Ok(_) => Err(format!("Invalid {name}: needs to be between 600 and 777")),
            Err(_) => Err(format!("Invalid {name}: not an octal")),
        }
    }

    /// Words separated by commas.
    fn list(&self, name: &str) -> Option<Vec<String>> {
        let text = self.0.get(name)?.to_text();
        Some(text.split(',').map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned).collect())
    }

    /// The first choice is the default.
    fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, String> {
        let text = self.text(name);
        let wanted = text.as_deref().or_else(|| choices.first().map(|(word, _)| *word)).unwrap_or_default();
        choices.iter().find(|(word, _)| *word == wanted).map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            // What upstream calls them.
            let what = match name {
                "log-level" => "logging level",
                "db-tx-end" => "transaction termination",
                other => other,
            };
            let words = words.join(", ");
            format!("Invalid {what}. Check your configuration. {name} can be one of {words}, not {wanted:?}")
        })
    }

    fn app_settings(&self) -> Vec<(String, String)> {
        let ours = self.0.iter().filter(|(name, _)| name.starts_with("app.settings."));
        ours.map(|(name, value)| (name.clone(), value.to_text())).collect()
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("db_schemas", &self.db_schemas)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
