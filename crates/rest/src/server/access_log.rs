//! A line per request in Apache's combined format, as PostgREST writes them; `log-level` decides for which answers.

use http::header::{AUTHORIZATION, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::config::LogLevel;
use super::listener::Peer;

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// What of a request its line tells; taken before the request is given away.
pub(super) struct Seen {
    peer: Peer,
    method: Method,
    uri: Uri,
    version: Version,
    referer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    authorization: Option<HeaderValue>,
}

/// Is an answer with this status logged?
pub(super) fn is_logged(level: LogLevel, status: StatusCode) -> bool {
    match level {
        LogLevel::Crit => false,
        LogLevel::Error => status.as_u16() >= 500,
        LogLevel::Warn => status.as_u16() >= 400,
        LogLevel::Info | LogLevel::Debug => true,
    }
}

impl Seen {
    pub(super) fn of<B>(peer: Peer, request: &Request<B>) -> Self {
        let header = |name: HeaderName| request.headers().get(name).cloned();
        Self {
            peer,
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            referer: header(REFERER),
            user_agent: header(USER_AGENT),
            authorization: header(AUTHORIZATION),
        }
    }

    pub(super) fn authorization(&self) -> Option<&[u8]> {
        self.authorization.as_ref().map(HeaderValue::as_bytes)
    }

    /// The line, with its end. `role`: who asked, if that is known; `now`: Unix seconds.
    pub(super) fn line<B>(&self, response: &Response<B>, role: Option<&str>, now: i64) -> String {
        let time = OffsetDateTime::from_unix_timestamp(now).ok().and_then(|t| t.format(TIME).ok()).unwrap_or_default();
        let path = self.uri.path_and_query().map_or("/", |p| p.as_str());
        let text = |value: &Option<HeaderValue>| {
            let text = value.as_ref().map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
            // What the client says must not end the field.
            text.unwrap_or_default().replace('"', "\\\"")
        };
        format!(
            "{} - {} [{time}] \"{} {path} {:?}\" {} {} \"{}\" \"{}\"\n",
            self.peer,
            role.unwrap_or("-"),
            self.method,
            self.version,
            response.status().as_u16(),
            length(response.headers()),
            text(&self.referer),
            text(&self.user_agent),
        )
    }
}

fn length(headers: &HeaderMap) -> &str {
    headers.get(http::header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_who_asked_what_and_got_what() {
        let request = Request::get("/todos?id=eq.1").header("user-agent", "a \"b\"").body(()).unwrap();
        let response = Response::builder().status(404).header("content-length", "44").body(()).unwrap();
        let seen = Seen::of(Peer::Tcp([127, 0, 0, 1].into()), &request);
        assert_eq!(
            seen.line(&response, Some("web_anon"), 1_700_000_000),
            "127.0.0.1 - web_anon [14/Nov/2023:22:13:20 +0000] \"GET /todos?id=eq.1 HTTP/1.1\" 404 44 \"\" \"a \\\"b\\\"\"\n"
        );
    }

    #[test]
    fn the_level_decides_which_answers_are_told() {
        let told = |level| [200, 404, 503].map(|s| is_logged(level, StatusCode::from_u16(s).unwrap()));
        assert_eq!(told(LogLevel::Crit), [false, false, false]);
        assert_eq!(told(LogLevel::Error), [false, false, true]);
        assert_eq!(told(LogLevel::Warn), [false, true, true]);
        assert_eq!(told(LogLevel::Info), [true, true, true]);
    }
}
