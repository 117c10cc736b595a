//! The options that hold, as a configuration file.

use super::config::{Config, LOG_LEVELS, OPENAPI_MODES, TX_ENDS};
use super::config_file::Value;

/// `--dump-config`: every option with the value that holds, in the syntax of the file.
pub fn dump(config: &Config) -> String {
    let mut lines: Vec<String> =
        values(config).into_iter().map(|(name, value)| format!("{name} = {}\n", written(&value))).collect();
    let settings = config.app_settings.iter();
    lines.extend(settings.map(|(name, value)| format!("{name} = {}\n", quote(value))));
    lines.sort();
    lines.concat()
}

fn written(value: &Value) -> String {
    match value {
        Value::Text(_) | Value::List(_) => quote(&value.to_text()),
        Value::Bool(_) | Value::Number(_) => value.to_text(),
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$"))
}

/// Every option but `app.settings.*` with the value that holds.
fn values(config: &Config) -> Vec<(&'static str, Value)> {
    let text = |value: Option<&str>| Value::Text(value.unwrap_or_default().to_owned());
    let list = |words: &[String]| Value::Text(words.join(","));
    let number = |value: u64| Value::Number(value.to_string());
    // What is not set is shown as an empty text, also where it would be a number.
    let optional = |value: Option<u64>| value.map_or_else(|| Value::Text(String::new()), number);
    let mode = |mode: u32| Value::Text(format!("{mode:o}"));
    vec![
        ("admin-server-host", text(Some(&config.admin.host))),
        ("admin-server-port", optional(config.admin.port.map(u64::from))),
        ("admin-server-unix-socket", text(config.admin.unix_socket.as_deref())),
        ("admin-server-unix-socket-mode", mode(config.admin.unix_socket_mode)),
        ("client-error-verbosity", text(Some(if config.minimal_errors { "minimal" } else { "verbose" }))),
        ("db-aggregates-enabled", Value::Bool(config.db_aggregates_enabled)),
        ("db-anon-role", text(config.db_anon_role.as_deref())),
        ("db-channel", text(Some(&config.db_channel))),
        ("db-channel-enabled", Value::Bool(config.db_channel_enabled)),
        ("db-config", Value::Bool(config.db_config)),
        ("db-extra-search-path", list(&config.db_extra_search_path)),
        ("db-hoisted-tx-settings", list(&config.db_hoisted_tx_settings)),
        ("db-max-rows", optional(config.db_max_rows)),
        ("db-plan-enabled", Value::Bool(config.db_plan_enabled)),
        ("db-pool", number(config.db_pool.map_or(10, |size| size as u64))),
        ("db-pool-acquisition-timeout", number(config.db_pool_acquisition_timeout.as_secs())),
        ("db-pool-automatic-recovery", Value::Bool(config.db_pool_automatic_recovery)),
        ("db-pool-max-idletime", number(config.db_pool_max_idletime.as_secs())),
        ("db-pool-max-lifetime", number(config.db_pool_max_lifetime.as_secs())),
        ("db-pre-config", text(config.db_pre_config.as_deref())),
        ("db-pre-request", text(config.db_pre_request.as_deref())),
        ("db-prepared-statements", Value::Bool(config.db_prepared_statements)),
        ("db-root-spec", text(config.db_root_spec.as_deref())),
        ("db-schemas", list(&config.db_schemas)),
        ("db-tx-end", text(Some(word(&TX_ENDS, config.db_tx_end)))),
        ("db-uri", text(Some(config.db_uri.expose()))),
        ("jwt-aud", text(config.jwt_aud.as_deref())),
        ("jwt-cache-max-entries", number(config.jwt_cache_max_entries as u64)),
        ("jwt-role-claim-key", text(Some(&config.jwt_role_claim_key))),
        ("jwt-secret", text(config.jwt_secret.as_ref().map(|secret| secret.expose().as_str()))),
        ("jwt-secret-is-base64", Value::Bool(config.jwt_secret_is_base64)),
        ("log-level", text(Some(word(&LOG_LEVELS, config.log_level)))),
        ("log-query", Value::Bool(config.log_query)),
        ("openapi-mode", text(Some(word(&OPENAPI_MODES, config.openapi_mode)))),
        ("openapi-security-active", Value::Bool(config.openapi_security_active)),
        ("openapi-server-proxy-uri", text(config.openapi_server_proxy_uri.as_deref())),
        ("server-cors-allowed-origins", list(config.server_cors_allowed_origins.as_deref().unwrap_or_default())),
        ("server-host", text(Some(&config.server.host))),
        ("server-port", optional(config.server.port.map(u64::from))),
        ("server-reuseport", Value::Bool(config.server_reuseport)),
        ("server-timing-enabled", Value::Bool(config.server_timing_enabled)),
        ("server-trace-header", text(config.server_trace_header.as_deref())),
        ("server-unix-socket", text(config.server.unix_socket.as_deref())),
        ("server-unix-socket-mode", mode(config.server.unix_socket_mode)),
        ("url-use-legacy-target-names", Value::Bool(config.url_use_legacy_target_names)),
    ]
}

/// The word for a choice.
fn word<T: Copy + PartialEq>(choices: &[(&'static str, T)], chosen: T) -> &'static str {
    choices.iter().find(|(_, value)| *value == chosen).map_or("", |(word, _)| *word)
}

#[cfg(test)]
mod tests {
    use super::super::config_file::Sources;
    use super::*;

    fn config(file: &str) -> Config {
        Sources { file: Some(file.to_owned()), ..Sources::default() }.config().unwrap()
    }

    #[test]
    fn a_dump_can_be_read_again() {
        let file = "jwt-aud = \"x$$y\"\napp.settings.a = \"b\"\ndb-config = 0\ndb-plan-enabled = \"TRUE\"\nserver-port=\"80\"\n";
        let text = dump(&config(file));
        for line in [
            "app.settings.a = \"b\"",
            "db-config = false",
            "db-plan-enabled = true",
            "server-port = 80",
            "db-pool = 10",
            "db-max-rows = \"\"",
            "db-anon-role = \"\"",
            "jwt-role-claim-key = \"$$.role\"",
            "server-unix-socket-mode = \"660\"",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        }
        let again = config(&text);
        assert_eq!(again.jwt_aud.as_deref(), Some("x$y"));
        assert_eq!((again.db_pool, again.db_config), (Some(10), false));
        assert_eq!(again.db_anon_role, None);
        assert_eq!(dump(&again), text);
    }
}
