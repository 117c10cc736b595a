//! Media types: what the client accepts and what it sends.

use http::HeaderMap;

/// A media type that means something to us, or any other by its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum MediaType {
    Json,
    GeoJson,
    Csv,
    Text,
    Xml,
    OpenApi,
    UrlEncoded,
    OctetStream,
    Any,
    /// `application/vnd.pgrst.array+json;nulls=stripped`
    ArrayStripped,
    /// `application/vnd.pgrst.object+json`
    Object {
        stripped: bool,
    },
    /// `application/vnd.pgrst.plan+json; for="…"; options=…`
    Plan {
        of: Box<MediaType>,
        json: bool,
        options: Vec<PlanOption>,
    },
    Other(String),
}

/// An option of EXPLAIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PlanOption {
    Analyze,
    Verbose,
    Settings,
    Buffers,
    Wal,
}

impl PlanOption {
    const ALL: [Self; 5] = [Self::Analyze, Self::Verbose, Self::Settings, Self::Buffers, Self::Wal];

    /// As it stands in the media type, and, in capitals, in SQL.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Verbose => "verbose",
            Self::Settings => "settings",
            Self::Buffers => "buffers",
            Self::Wal => "wal",
        }
    }
}

impl MediaType {
    /// Reads one media type with its parameters.
    pub(crate) fn read(text: &str) -> Self {
        let (main, sub, parameters) = tokens(text).unwrap_or((text, "", Vec::new()));
        let parameter = |name: &str| parameters.iter().rev().find(|(k, _)| k == name).map(|(_, v)| *v);
        let stripped = parameter("nulls") == Some("stripped");
        let plan = |json| {
            let options: Vec<&str> = parameter("options").unwrap_or_default().split('|').collect();
            Self::Plan {
                of: Box::new(Self::read(parameter("for").unwrap_or("application/json"))),
                json,
                options: PlanOption::ALL.into_iter().filter(|o| options.contains(&o.name())).collect(),
            }
        };
        match (main.to_ascii_lowercase().as_str(), sub.to_ascii_lowercase().as_str()) {
            ("application", "json") => Self::Json,
            ("application", "geo+json") => Self::GeoJson,
            ("text", "csv") => Self::Csv,
            ("text", "plain") => Self::Text,
            ("text", "xml") => Self::Xml,
            ("application", "openapi+json") => Self::OpenApi,
            ("application", "x-www-form-urlencoded") => Self::UrlEncoded,
            ("application", "octet-stream") => Self::OctetStream,
            ("application", "vnd.pgrst.plan" | "vnd.pgrst.plan+text") => plan(false),
            ("application", "vnd.pgrst.plan+json") => plan(true),
            ("application", "vnd.pgrst.object" | "vnd.pgrst.object+json") => Self::Object { stripped },
            ("application", "vnd.pgrst.array" | "vnd.pgrst.array+json") => {
                if stripped {
                    Self::ArrayStripped
                } else {
                    Self::Json
                }
            }
            ("*", "*") => Self::Any,
            _ => Self::Other(text.to_owned()),
        }
    }

    /// Its text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Json => "application/json".to_owned(),
            Self::GeoJson => "application/geo+json".to_owned(),
            Self::Csv => "text/csv".to_owned(),
            Self::Text => "text/plain".to_owned(),
            Self::Xml => "text/xml".to_owned(),
            Self::OpenApi => "application/openapi+json".to_owned(),
            Self::UrlEncoded => "application/x-www-form-urlencoded".to_owned(),
            Self::OctetStream => "application/octet-stream".to_owned(),
            Self::Any => "*/*".to_owned(),
            Self::ArrayStripped => "application/vnd.pgrst.array+json;nulls=stripped".to_owned(),
            Self::Object { stripped: false } => "application/vnd.pgrst.object+json".to_owned(),
            Self::Object { stripped: true } => "application/vnd.pgrst.object+json;nulls=stripped".to_owned(),
            Self::Plan { of, json, options } => {
                let format = if *json { "json" } else { "text" };
                let mut text = format!("application/vnd.pgrst.plan+{format}; for=\"{}\"", of.text());
                for (n, option) in options.iter().enumerate() {
                    text.push_str(if n == 0 { "; options=" } else { "|" });
                    text.push_str(option.name());
                }
                text
            }
            Self::Other(text) => text.clone(),
        }
    }

    /// The `Content-Type` header: ours are all UTF-8, what others name is theirs to label.
    pub(crate) fn content_type(&self) -> String {
        match self {
            Self::OctetStream | Self::Other(_) => self.text(),
            _ => format!("{}; charset=utf-8", self.text()),
        }
    }
}

type Tokens<'a> = (&'a str, &'a str, Vec<(String, &'a str)>);

/// `main/sub; key=value; key="value"`; what follows a malformed parameter is dropped.
fn tokens(text: &str) -> Option<Tokens<'_>> {
    let (main, rest) = split_while(text, |c| c.is_alphanumeric() || ".*".contains(c))?;
    let (sub, mut rest) = split_while(rest.strip_prefix('/')?, |c| c.is_alphanumeric() || ".*+-".contains(c))?;
    let mut parameters = Vec::new();
    while let Some((key, value, after)) = parameter(rest) {
        parameters.push((key.to_ascii_lowercase(), value));
        rest = after;
    }
    Some((main, sub, parameters))
}

fn split_while(text: &str, test: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| !test(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn parameter(text: &str) -> Option<(&str, &str, &str)> {
    let text = text.trim_start().strip_prefix(';')?.trim_start();
    let (key, rest) = split_while(text, |c| c.is_alphanumeric() || c == '-')?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    if let Some(inner) = rest.strip_prefix('"')
        && let Some((value, after)) = inner.split_once('"')
    {
        return Some((key, value, after));
    }
    let (value, after) = split_while(rest, |c| c.is_alphanumeric() || c == '|' || c == '-')?;
    Some((key, value, after))
}

/// The `Accept` header: best quality first, then the more specific.
pub(crate) fn accepted(headers: &HeaderMap) -> Vec<MediaType> {
    let Some(value) = headers.get("accept") else { return vec![MediaType::Any] };
    let text: String = String::from_utf8_lossy(value.as_bytes()).chars().filter(|c| *c != ' ').collect();
    let mut ranked: Vec<(f64, i64, &str)> = text
        .split(',')
        .map(|part| {
            let (name, quality) = part.split_once(";q=").unwrap_or((part, ""));
            let quality = quality_of(quality);
            let count = |c: char| name.matches(c).count() as i64;
            (quality, count(';') - count('*'), name)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    ranked.into_iter().map(|(_, _, name)| MediaType::read(name)).collect()
}

/// The number that this begins with, `0.5`; 1 if it begins with none.
fn quality_of(text: &str) -> f64 {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(text);
    let end = match text.get(whole..).and_then(|rest| rest.strip_prefix('.')).map(digits) {
        Some(fraction) if fraction > 0 => whole + 1 + fraction,
        _ => whole,
    };
    if whole == 0 { 1.0 } else { text[..end].parse().unwrap_or(1.0) }
}

/// The `Content-Type` header; JSON if there is none.
pub(crate) fn content_type(headers: &HeaderMap) -> MediaType {
    headers
        .get("content-type")
        .map_or(MediaType::Json, |value| MediaType::read(&String::from_utf8_lossy(value.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_their_parameters() {
        assert_eq!(MediaType::read("ApplicatIon/vnd.PgRsT.object+json"), MediaType::Object { stripped: false });
        assert_eq!(MediaType::read("application/vnd.pgrst.array+json;nulls=stripped"), MediaType::ArrayStripped);
        assert_eq!(MediaType::read("application/json; $$ junk $$"), MediaType::Json);
        assert_eq!(MediaType::read("undefined"), MediaType::Other("undefined".into()));
        let plan = MediaType::read("application/vnd.pgrst.plan ; for=\"text/xml\" ; options=analyze|x");
        assert_eq!(plan.text(), "application/vnd.pgrst.plan+text; for=\"text/xml\"; options=analyze");
    }

    #[test]
    fn a_quality_is_the_number_that_it_begins_with() {
        for (text, quality) in
            [("0.5", 0.5), ("0.5;x", 0.5), ("0.5x", 0.5), ("0.", 0.0), (".5", 1.0), ("", 1.0), ("x", 1.0)]
        {
            assert_eq!(quality_of(text), quality, "{text}");
        }
    }

    #[test]
    fn a_browser_gets_what_it_likes_best() {
        let mut headers = HeaderMap::new();
        headers.insert("accept", "text/html, application/xml;q=0.9, */*;q=0.8, text/csv".parse().unwrap());
        let accepted = accepted(&headers);
        assert_eq!(accepted[0], MediaType::Other("text/html".into()));
        assert_eq!(accepted[1], MediaType::Csv);
        assert_eq!(accepted[3], MediaType::Any);
    }
}
