//! What is answered: status, headers, body.

mod guc;
pub(crate) mod json;
mod jsonb;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use serde_json::{Map, Value};

use crate::config::RestConfig;
use crate::error::Error;
use crate::plan::negotiate::Handler;
use crate::plan::{CallPlan, ReadPlan, WritePlan};
use crate::request::media::MediaType;
use crate::request::preferences::{Count, Preferences, Representation, Resolution};
use crate::request::ranges::{Range, Unsatisfiable};
use crate::request::{ApiRequest, CallMethod, Mutation};
use crate::run::{Outcome, Yields, rows_of, text};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");

/// An answer before it is HTTP.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The length is told; not for HEAD and 204.
    pub(crate) with_length: bool,
}

impl Answer {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self { status, with_length: true, ..Self::default() }
    }

    /// One more header; a value that HTTP cannot carry is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<Bytes>) -> Self {
        if let Ok(value) = HeaderValue::from_maybe_shared(value.into()) {
            self.headers.append(name, value);
        }
        self
    }

    fn optional_header(self, name: HeaderName, value: Option<String>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    pub(crate) fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub(crate) fn without_length(self) -> Self {
        Self { with_length: false, ..self }
    }
}

/// Of a read.
pub(crate) async fn of_read(
    plan: &ReadPlan,
    request: &ApiRequest,
    outcome: &Outcome,
    yields: Yields,
    canonical_query: &str,
    config: &RestConfig,
) -> Result<Answer, Error> {
    if let MediaType::Plan { .. } = plan.media {
        return Ok(explained(outcome, &plan.media, request));
    }
    let rows = rows_of(&outcome.main, yields);
    let total = total(&request.preferences, outcome, rows, config.max_rows);
    let (status, content_range) = range_status(request.top_range, rows, total);
    let mut location = format!("/{}", plan.relation.name);
    if !canonical_query.is_empty() {
        location.push('?');
        location.push_str(canonical_query);
    }
    let answer = Answer::new(status)
        .header(CONTENT_RANGE, content_range)
        .header(CONTENT_LOCATION, location)
        .content_type(&plan.media, request)
        .optional_header(
            PREFERENCE_APPLIED,
            applied(&request.preferences, |p| Preferences {
                resolution: None,
                representation: None,
                missing: None,
                max_affected: None,
                ..p
            }),
        );
    let answer = if status == StatusCode::RANGE_NOT_SATISFIABLE {
        answer.body(out_of_bounds(request.top_range, total, config))
    } else if yields == Yields::Rows {
        match plan.handler {
            Handler::Object { .. } => answer.body(json::object(&outcome.main, &plan.tree.embedded)),
            _ => answer.body(json::array(&outcome.main, &plan.tree.embedded).await),
        }
    } else {
        answer.body(body_of(outcome, 2))
    };
    let answer = if plan.headers_only { answer.body(Bytes::new()).without_length() } else { answer };
    guc::apply(answer, outcome)
}

/// Of a write.
pub(crate) fn of_write(
    plan: &WritePlan,
    request: &ApiRequest,
    outcome: &Outcome,
    yields: Yields,
) -> Result<Answer, Error> {
    if let MediaType::Plan { .. } = plan.media {
        return Ok(explained(outcome, &plan.media, request));
    }
    let preferences = &request.preferences;
    let rows = rows_of(&outcome.main, yields);
    let total = preferences.counts_rows().then_some(rows as i64);
    let inserted: Option<i64> = text(&outcome.main, 4).and_then(|n| n.parse().ok());
    let is_full = preferences.representation == Some(Representation::Full);
    let content_range = match plan.mutation {
        Mutation::Insert | Mutation::Delete => Some(content_range(1, 0, total)),
        Mutation::Update => Some(content_range(0, i128::from(rows) - 1, total)),
        Mutation::Replace => None,
    };
    let status = match plan.mutation {
        // Nothing to insert counts as nothing inserted, too.
        Mutation::Insert if preferences.resolution == Some(Resolution::Merge) && inserted.is_none_or(|n| n <= 0) => {
            StatusCode::OK
        }
        Mutation::Insert => StatusCode::CREATED,
        Mutation::Replace if is_full && inserted.is_some_and(|n| n > 0) => StatusCode::CREATED,
        _ if is_full => StatusCode::OK,
        _ => StatusCode::NO_CONTENT,
    };
    let location = match plan.mutation {
        Mutation::Insert => text(&outcome.main, 2).and_then(|keys| location(&plan.relation.name, &keys)),
        _ => None,
    };
    let mut answer = Answer::new(status)
        .optional_header(LOCATION, location)
        .optional_header(CONTENT_RANGE, content_range)
        .optional_header(PREFERENCE_APPLIED, write_preferences(plan, request));
    if is_full {
        answer = answer.content_type(&plan.media, request).body(body_of(outcome, 3));
    }
    if status == StatusCode::NO_CONTENT {
        answer = answer.without_length();
    }
    guc::apply(answer, outcome)
}

/// Of a call.
pub(crate) fn of_call(
    plan: &CallPlan,
    request: &ApiRequest,
    outcome: &Outcome,
    config: &RestConfig,
) -> Result<Answer, Error> {
    if let MediaType::Plan { .. } = plan.media {
        return Ok(explained(outcome, &plan.media, request));
    }
    let rows = rows_of(&outcome.main, Yields::Summary);
    let total: Option<i64> = text(&outcome.main, 0).and_then(|n| n.parse().ok());
    let (status, content_range) = range_status(request.top_range, rows, total);
    let applied =
        applied(&request.preferences, |p| Preferences { resolution: None, representation: None, missing: None, ..p });
    let answer = Answer::new(status).header(CONTENT_RANGE, content_range).optional_header(PREFERENCE_APPLIED, applied);
    let answer = if plan.routine.returns_void() {
        Answer { status: StatusCode::NO_CONTENT, ..answer.without_length() }
    } else if plan.method == CallMethod::Head {
        answer.content_type(&plan.media, request).without_length()
    } else if status == StatusCode::RANGE_NOT_SATISFIABLE {
        answer.content_type(&plan.media, request).body(out_of_bounds(request.top_range, total, config))
    } else {
        answer.content_type(&plan.media, request).body(body_of(outcome, 2))
    };
    guc::apply(answer, outcome)
}

/// The body that PostgreSQL made. Bytes are sent as they are, and jsonb of a handler in its binary form, version number first, as
/// upstream does: it reads the column as bytes.
fn body_of(outcome: &Outcome, column: usize) -> Bytes {
    const BYTEA: u32 = 17;
    const JSONB: u32 = 3802;
    let Some(body) = outcome.main.rows.value(column) else { return Bytes::new() };
    match outcome.main.columns.get(column).map(|c| c.type_oid) {
        Some(BYTEA) => unescaped(body),
        Some(JSONB) => [&b"\x01"[..], body].concat().into(),
        _ => Bytes::copy_from_slice(body),
    }
}

/// The bytes of bytea's text in hexadecimal, `\x00ff`.
fn unescaped(text: &[u8]) -> Bytes {
    let Some(digits) = text.strip_prefix(b"\\x") else { return Bytes::copy_from_slice(text) };
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
    digits.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect()
}

/// A plan has a row per line, or one of JSON; each ends its line.
fn explained(outcome: &Outcome, media: &MediaType, request: &ApiRequest) -> Answer {
    let mut body = Vec::with_capacity(outcome.main.rows.wire_len());
    for row in &outcome.main.rows {
        body.extend_from_slice(row.get(0).unwrap_or_default());
        body.push(b'\n');
    }
    Answer::new(StatusCode::OK).content_type(media, request).body(body)
}

impl Answer {
    /// The label, and which schema was chosen.
    pub(crate) fn content_type(self, media: &MediaType, request: &ApiRequest) -> Self {
        self.header(CONTENT_TYPE, media.content_type())
            .optional_header(CONTENT_PROFILE, request.negotiated.then(|| request.schema.clone()))
    }
}

fn total(preferences: &Preferences, outcome: &Outcome, rows: u64, max_rows: Option<u64>) -> Option<i64> {
    let counted = outcome.count.or_else(|| preferences.counts_rows().then_some(rows as i64));
    match preferences.count {
        Some(Count::Planned) => outcome.planner_count,
        // The planner is asked where counting stopped; without a limit counting never stops, and its guess can still be more.
        Some(Count::Estimated) => match max_rows {
            Some(max) if counted.is_some_and(|n| n <= max as i64) => counted,
            _ => counted.max(outcome.planner_count),
        },
        _ => counted,
    }
}

/// 416 beyond the end, 206 for a part, 200 for all.
fn range_status(range: Range, rows: u64, total: Option<i64>) -> (StatusCode, String) {
    let lower = range.lower;
    let upper = lower + i128::from(rows) - 1;
    let status = match total.map(i128::from) {
        Some(total) if lower > total => StatusCode::RANGE_NOT_SATISFIABLE,
        Some(total) if upper - lower + 1 < total => StatusCode::PARTIAL_CONTENT,
        _ => StatusCode::OK,
    };
    (status, content_range(lower, upper, total))
}

/// `0-9/100`, with `*` for what there is not.
fn content_range(lower: i128, upper: i128, total: Option<i64>) -> String {
    let of = total.map_or_else(|| "*".to_owned(), |n| n.to_string());
    if total != Some(0) && lower <= upper { format!("{lower}-{upper}/{of}") } else { format!("*/{of}") }
}

fn out_of_bounds(range: Range, total: Option<i64>, config: &RestConfig) -> Vec<u8> {
    let why =
        Unsatisfiable::OutOfBounds { offset: range.lower.to_string(), total: total.unwrap_or_default().to_string() };
    Error::Range(why).shown().body(config.minimal_errors)
}

fn applied(preferences: &Preferences, keep: impl FnOnce(Preferences) -> Preferences) -> Option<String> {
    keep(preferences.clone()).applied()
}

fn write_preferences(plan: &WritePlan, request: &ApiRequest) -> Option<String> {
    let has_key = !plan.primary_key.is_empty() || request.query.on_conflict.is_some();
    applied(&request.preferences, |p| Preferences {
        resolution: p.resolution.filter(|_| plan.mutation == Mutation::Insert && has_key),
        missing: p.missing.filter(|_| matches!(plan.mutation, Mutation::Insert | Mutation::Update)),
        max_affected: p.max_affected.filter(|_| matches!(plan.mutation, Mutation::Update | Mutation::Delete)),
        ..p
    })
}

/// `/items?id=eq.5` of `{"id": "eq.5"}`.
fn location(relation: &str, keys: &str) -> Option<String> {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
    let pairs: Vec<String> = keys
        .iter()
        .map(|(key, value)| {
            let value = value.as_str().unwrap_or_default();
            format!("{}={}", utf8_percent_encode(key, KEPT), utf8_percent_encode(value, KEPT))
        })
        .collect();
    (!pairs.is_empty()).then(|| format!("/{relation}?{}", pairs.join("&")))
}
