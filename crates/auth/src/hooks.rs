//! Where the application steps in: a PostgreSQL function, or a signed HTTP call (Standard Webhooks).

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use pg::PlatformTx;
use pg::tokio_postgres::types::Json;
use serde_json::{Value, json};
use time::OffsetDateTime;
use url::Url;

use crate::Auth;
use crate::config::{Hook, HookPoint};
use crate::error::{Code, Error};
use crate::model::Object;
use crate::request::Req;
use crate::store;

/// Requests at once that may call an HTTP hook in their transaction: not all connections may wait for somebody far away.
pub(crate) const FAR_CALLS: usize = 5;
/// How long an HTTP hook may take, each time.
const HTTP_TIMEOUT: Duration = Duration::from_secs(5);
const HTTP_TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(2);
/// Bytes of a hook's answer.
const BODY_LIMIT: usize = 200 * 1024;

/// Is this a URI that a hook can have?
///
/// # Errors
/// A sentence on what is wrong.
pub(crate) fn check_uri(uri: &str) -> Result<(), String> {
    let url = Url::parse(uri).map_err(|e| format!("the URI {uri:?} cannot be read: {e}"))?;
    match url.scheme() {
        "pg-functions" => function_of(&url)
            .map(drop)
            .ok_or_else(|| format!("the URI {uri:?} must be pg-functions://postgres/<schema>/<function>")),
        "https" => Ok(()),
        "http" => match url.host_str() {
            Some("localhost" | "127.0.0.1" | "[::1]" | "host.docker.internal") => Ok(()),
            _ => Err(format!("the URI {uri:?} must be https; http is for this machine only")),
        },
        other => Err(format!("the URI {uri:?} has the scheme {other:?}; use https or pg-functions")),
    }
}

fn function_of(url: &Url) -> Option<(String, String)> {
    let mut segments = url.path_segments()?;
    let (schema, function) = (segments.next()?, segments.next()?);
    let name = |text: &str| {
        let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let rest = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$');
        (first && rest && text.len() <= 63).then(|| text.to_owned())
    };
    segments.next().is_none().then_some(())?;
    Some((name(schema)?, name(function)?))
}

/// `metadata` of a hook's input.
pub(crate) fn metadata(point: HookPoint, req: Option<&Req>, now: OffsetDateTime) -> Value {
    json!({
        "uuid": crypto::random::uuid(),
        "time": crate::wire::timestamp(now),
        "name": point.name().replace('_', "-"),
        "ip_address": req.map(|req| req.ip.to_string()).unwrap_or_default(),
    })
}

impl Auth {
    pub(crate) fn has_hook(&self, point: HookPoint) -> bool {
        self.config.hooks.contains_key(&point)
    }

    /// May this request call an HTTP hook, or the provider of text messages, in its transaction?
    pub(crate) fn may_call_far(&self, method: &Method, uri: &http::Uri) -> bool {
        let far = |point: &HookPoint| self.config.hooks.get(point).is_some_and(|hook| hook.uri.starts_with("http"));
        let any = || self.config.hooks.keys().any(far);
        match uri.path() {
            // Sign-ins and refreshes make no user and send no letter; an ID token may.
            "/token" if !uri.query().unwrap_or_default().contains("id_token") => far(&HookPoint::CustomAccessToken),
            "/verify" => any() || self.messages.checks_codes(),
            "/callback" | "/reauthenticate" => any(),
            _ => method != Method::GET && any(),
        }
    }

    /// Calls a hook and returns what it said. A function runs in `tx`, or in a transaction of its own.
    ///
    /// # Errors
    /// The hook's own error with its status, or why it could not be called.
    pub(crate) async fn run_hook(
        &self,
        tx: Option<&PlatformTx>,
        point: HookPoint,
        input: &Value,
    ) -> Result<Object, Error> {
        let Some(hook) = self.config.hooks.get(&point) else { return Ok(Object::new()) };
        let url = Url::parse(&hook.uri).map_err(|e| Error::internal("Error running hook URI", e))?;
        let output = match (function_of(&url).filter(|_| url.scheme() == "pg-functions"), tx) {
            (Some(function), Some(tx)) => call_function(tx, &function, input).await?,
            (Some(function), None) => {
                let tx = self.begin().await?;
                let output = call_function(&tx, &function, input).await?;
                tx.commit().await?;
                output
            }
            (None, _) => self.call_url(hook, url, input).await?,
        };
        match output {
            Value::Object(output) => refusal(output),
            Value::Null => Ok(Object::new()),
            _ => Err(Error::internal("Invalid payload sent to hook", anyhow::anyhow!("a hook answers with an object"))),
        }
    }

    async fn call_url(&self, hook: &Hook, url: Url, input: &Value) -> Result<Value, Error> {
        let body = input.to_string();
        let id = crypto::random::uuid().to_string();
        let mut tried = 0;
        let response = loop {
            tried += 1;
            match self.post(hook, url.clone(), &id, body.clone()).await {
                Ok(response) => break response,
                Err(error) if tried < HTTP_TRIES && (error.is_timeout() || error.is_connect()) => {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                Err(error) if error.is_timeout() || error.is_connect() => {
                    tracing::warn!(target: "auth", %error, "a hook could not be reached");
                    return Err(Error::unprocessable(
                        Code::HookTimeoutAfterRetry,
                        "Failed to reach hook after maximum retries",
                    ));
                }
                Err(error) => return Err(Error::internal("Failed to reach hook", error)),
            }
        };
        answer_of(response).await
    }

    async fn post(&self, hook: &Hook, url: Url, id: &str, body: String) -> Result<reqwest::Response, reqwest::Error> {
        let timestamp = self.clock.unix_seconds();
        let mut request = self
            .http
            .post(url)
            .timeout(HTTP_TIMEOUT)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string());
        if !hook.secrets.expose().is_empty() {
            match crypto::webhook::WebhookKeys::parse(hook.secrets.expose()) {
                Ok(keys) => {
                    request = request.header("webhook-signature", keys.sign(id, timestamp, body.as_bytes()));
                }
                Err(error) => tracing::error!(target: "auth", %error, "a hook's secret cannot be read"),
            }
        }
        request.body(body).send().await
    }
}

async fn answer_of(mut response: reqwest::Response) -> Result<Value, Error> {
    let status = response.status();
    match status {
        StatusCode::OK | StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {}
        StatusCode::BAD_REQUEST => {
            return Err(Error::internal("Invalid payload sent to hook", anyhow::anyhow!("the hook answered 400")));
        }
        StatusCode::UNAUTHORIZED => {
            return Err(Error::internal("Hook requires authorization token", anyhow::anyhow!("the hook answered 401")));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            return Err(Error::unprocessable(
                Code::HookTimeoutAfterRetry,
                "Hook is currently unavailable due to hitting maximum retries",
            ));
        }
        other => {
            return Err(Error::internal(
                format!("Unexpected status code returned from hook: {}", other.as_u16()),
                anyhow::anyhow!("the hook answered {other}"),
            ));
        }
    }
    if status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    let is_json = |value: &HeaderValue| {
        value.to_str().is_ok_and(|text| text.split(';').next().unwrap_or_default().trim() == "application/json")
    };
    let json = response.headers().get(CONTENT_TYPE).is_some_and(is_json);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| Error::internal("Error reading hook response", e))? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_LIMIT {
            return Err(Error::unprocessable(
                Code::HookPayloadOverSizeLimit,
                format!("Payload size exceeded size limit of {BODY_LIMIT} bytes"),
            ));
        }
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    if !json {
        return Err(Error::bad_request(
            Code::HookPayloadInvalidContentType,
            "Invalid JSON response. Received content-type other than application/json",
        ));
    }
    serde_json::from_slice(&body).map_err(|e| Error::internal("Error unmarshalling JSON output", e))
}

/// A function gets 2 s, as upstream; then the transaction's own limit holds again.
const BEFORE: &str = "select set_config('statement_timeout', '2000', true)";
const AFTER: &str = "select set_config('statement_timeout', '0', true)";

async fn call_function(tx: &PlatformTx, function: &(String, String), input: &Value) -> Result<Value, Error> {
    tx.rows(BEFORE, &[]).await?;
    let sql = format!("select to_jsonb({}($1)) as output", pg::qualified(&function.0, &function.1));
    let row = match tx.row(&sql, &[&Json(input)]).await {
        Ok(row) => row,
        Err(error) if error.code() == Some("57014") => {
            return Err(Error::unprocessable(
                Code::HookTimeout,
                "Failed to reach hook within maximum time of 2.000000 seconds",
            ));
        }
        Err(error) => return Err(Error::internal("Error running hook URI: pg-functions", error)),
    };
    tx.rows(AFTER, &[]).await?;
    match row {
        Some(row) => Ok(store::get::<Option<Value>>(&row, "output")?.unwrap_or(Value::Null)),
        None => Ok(Value::Null),
    }
}

/// `{"error":{"http_code","message"}}` with a message refuses.
fn refusal(output: Object) -> Result<Object, Error> {
    let Some(Value::Object(error)) = output.get("error") else { return Ok(output) };
    let message = error.get("message").and_then(Value::as_str).unwrap_or("");
    if message.is_empty() {
        return Ok(output);
    }
    let status = error
        .get("http_code")
        .and_then(Value::as_u64)
        .and_then(|code| u16::try_from(code).ok())
        .and_then(|code| StatusCode::from_u16(code).ok())
        .filter(|status| status.as_u16() >= 400)
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Err(Error::new(status, Code::UnexpectedFailure, message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris() {
        for good in ["pg-functions://postgres/public/my_hook", "https://example.org/hook", "http://localhost:8000/x"] {
            assert_eq!(check_uri(good), Ok(()), "{good}");
        }
        for bad in
            ["", "ftp://x/y", "http://example.org/", "pg-functions://postgres/public", "pg-functions://postgres/a/b;c"]
        {
            assert!(check_uri(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_message_is_no_error() {
        let ok = json!({"error": {"message": ""}}).as_object().unwrap().clone();
        assert!(refusal(ok).is_ok());
        let no = json!({"error": {"http_code": 403, "message": "no"}}).as_object().unwrap().clone();
        assert_eq!(refusal(no).unwrap_err().status(), 403);
    }
}
