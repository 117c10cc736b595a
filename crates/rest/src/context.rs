//! What a transaction is told about its request: `search_path`, role, claims, `request.*`.

use std::borrow::Cow;

use bytes::Bytes;
use catalog::{Catalog, Routine};
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::config::RestConfig;
use crate::jwt::Caller;
use crate::request::Parts;

/// Settings in the order in which they are made.
pub(crate) type Settings = Vec<(Cow<'static, str>, Bytes)>;

/// What the settings depend on.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a RestConfig,
    pub(crate) catalog: &'a Catalog,
    pub(crate) caller: &'a Caller,
    pub(crate) parts: &'a Parts<'a>,
    pub(crate) schema: &'a str,
    pub(crate) timezone: Option<&'a str>,
    pub(crate) routine: Option<&'a Routine>,
    /// May anything look at method, path, headers and cookies?
    pub(crate) full: bool,
}

/// Makes the settings. Those of the role come before the role: what it may not set itself, the login role may.
pub(crate) fn settings(context: &Context<'_>) -> Settings {
    let mut all: Settings = Vec::with_capacity(12);
    let mut set = |name: Cow<'static, str>, value: Bytes| all.push((name, value));
    set("search_path".into(), search_path(context.schema, &context.config.extra_search_path));
    let role = context.catalog.roles.get(String::from_utf8_lossy(&context.caller.role).as_ref());
    if let Some(role) = role.filter(|_| context.config.role_settings) {
        // Dates become JSON from their ISO form, whatever form the role likes.
        let kept = role.settings.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("datestyle"));
        for (name, value) in kept {
            set(name.clone().into(), value.clone().into());
        }
    }
    set("role".into(), context.caller.role.clone());
    set("request.jwt.claims".into(), context.caller.claims.clone());
    if context.full {
        set("request.method".into(), context.parts.method.as_str().to_owned().into());
        set("request.path".into(), context.parts.path.to_owned().into());
        set("request.headers".into(), headers_json(context.parts.headers));
        set("request.cookies".into(), cookies_json(context.parts.headers));
    }
    if let Some(timezone) = context.timezone {
        set("timezone".into(), timezone.to_owned().into());
    }
    if let Some(routine) = context.routine {
        for (name, value) in &routine.settings {
            if context.config.hoisted_settings.iter().any(|hoisted| name.contains(hoisted.as_str())) {
                set(name.clone().into(), value.clone().into());
            }
        }
    }
    for (name, value) in &context.config.app_settings {
        set(name.clone().into(), value.clone().into());
    }
    all
}

fn search_path(schema: &str, extra: &[String]) -> Bytes {
    let mut path = pg::ident(schema);
    for name in extra {
        path.push_str(", ");
        path.push_str(&pg::ident(name));
    }
    path.into()
}

/// All headers but the cookies, names in lower case; of a repeated one the last counts.
fn headers_json(headers: &HeaderMap) -> Bytes {
    let mut object = Map::new();
    for (name, value) in headers {
        if name != "cookie" {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            object.insert(name.as_str().to_owned(), Value::String(text));
        }
    }
    Value::Object(object).to_string().into()
}

/// Cut at `;` and `=`, with nothing taken off but blanks before a name: as upstream reads them. Of a repeated one the last counts.
fn cookies_json(headers: &HeaderMap) -> Bytes {
    let Some(cookies) = headers.get("cookie") else { return Bytes::from_static(b"{}") };
    let text = String::from_utf8_lossy(cookies.as_bytes());
    let mut object = Map::new();
    for cookie in text.strip_suffix(';').unwrap_or(&text).split(';').filter(|_| !text.is_empty()) {
        let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
        object.insert(name.trim_start_matches(' ').to_owned(), Value::String(value.to_owned()));
    }
    Value::Object(object).to_string().into()
}
