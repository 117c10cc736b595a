//! What PostgreSQL said, as HTTP.

use serde::Deserialize;
use serde_json::Value;

use super::{Shown, shown};

/// The error as the client sees it.
pub(super) fn shown_error(error: &pg::Error, authenticated: bool) -> Shown {
    match error {
        pg::Error::Server(server) if server.code == "PGRST" => raised(server),
        pg::Error::Server(server) => {
            let (status, reason) = status(server, authenticated);
            let mut out = shown(status, &server.code, &server.message);
            out.reason = reason;
            out.details = text(server.detail.as_deref());
            out.hint = text(server.hint.as_deref());
            if status == 401 {
                out.headers.push(("WWW-Authenticate".to_owned(), "Bearer".to_owned()));
            }
            out
        }
        pg::Error::Connect(why) => shown(503, "PGRST000", "Database connection error.").details(why.clone()),
        pg::Error::Closed(why) => {
            shown(503, "PGRST001", "Database client error. Retrying the connection.").details(why.clone())
        }
        pg::Error::PoolTimeout => shown(504, "PGRST003", "Timed out acquiring connection from connection pool."),
        pg::Error::Unexpected(_) => shown(500, "PGRSTX00", "Internal error"),
    }
}

fn text(value: Option<&str>) -> Value {
    value.map_or(Value::Null, Value::from)
}

/// SQLSTATE → status; `PTnnn` brings its own number and words.
fn status(error: &pg::ServerError, authenticated: bool) -> (u16, Option<String>) {
    let code = error.code.as_str();
    if let Some(number) = code.strip_prefix("PT") {
        return match number.parse() {
            Ok(status) => (status, Some(error.message.clone())),
            Err(_) => (500, None),
        };
    }
    let status = match code {
        "23503" | "23505" => 409,
        "25006" => 405,
        "21000" if error.message.ends_with("requires a WHERE clause") => 400,
        "21000" => 500,
        "22023" if error.message.starts_with("role") && error.message.ends_with("does not exist") => 401,
        "53400" => 500,
        "57P01" => 503,
        "P0001" => 400,
        "42883" if error.message.starts_with("function xmlagg(") => 406,
        "42883" | "42P01" => 404,
        "42P17" => 500,
        "42501" if authenticated => 403,
        "42501" => 401,
        _ => status_of_class(code.get(..2).unwrap_or_default()),
    };
    (status, None)
}

fn status_of_class(class: &str) -> u16 {
    match class {
        "08" | "53" => 503,
        "0L" | "0P" | "28" => 403,
        "09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "54" | "55" | "57" | "58" | "F0" | "HV" | "P0" | "XX" => 500,
        _ => 400,
    }
}

#[derive(Deserialize)]
struct RaisedMessage {
    code: String,
    message: String,
    details: Option<String>,
    hint: Option<String>,
}

#[derive(Deserialize)]
struct RaisedDetail {
    status: u16,
    status_text: Option<String>,
    headers: std::collections::BTreeMap<String, String>,
}

/// Reads what SQL wrote; of a repeated key the last counts.
fn parsed<T: for<'de> Deserialize<'de>>(json: &str) -> Option<T> {
    serde_json::from_value(serde_json::from_str::<Value>(json).ok().filter(Value::is_object)?).ok()
}

/// `RAISE SQLSTATE 'PGRST'` says the whole response.
fn raised(error: &pg::ServerError) -> Shown {
    let failed = |details: String, hint: &str| {
        shown(500, "PGRST121", "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error")
            .details(details)
            .hint(hint)
    };
    const MESSAGE_HINT: &str =
        "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.";
    const DETAIL_HINT: &str =
        "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.";
    let Some(message) = parsed::<RaisedMessage>(&error.message) else {
        return failed(format!("Invalid JSON value for MESSAGE: '{}'", error.message), MESSAGE_HINT);
    };
    let Some(detail) = &error.detail else {
        return failed("DETAIL is missing in the RAISE statement".to_owned(), DETAIL_HINT);
    };
    let Some(response) = parsed::<RaisedDetail>(detail) else {
        return failed(format!("Invalid JSON value for DETAIL: '{detail}'"), DETAIL_HINT);
    };
    let mut out = shown(response.status, &message.code, message.message);
    out.reason = response.status_text;
    out.details = message.details.map_or(Value::Null, Value::from);
    out.hint = message.hint.map_or(Value::Null, Value::from);
    out.headers = response.headers.into_iter().collect();
    out
}
