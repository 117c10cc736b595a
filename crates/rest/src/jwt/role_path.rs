//! `jwt-role-claim-key`: where in the claims the role stands. JSONPath (RFC 9535), or the older syntax of PostgREST before 16.

use serde_json::{Map, Value};
use serde_json_path::JsonPath;

/// A path to the role.
#[derive(Debug, Clone)]
pub struct RolePath(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// `$.name`: by far the most frequent, found without walking.
    Claim(String),
    Standard(Box<JsonPath>),
    Old(Vec<Step>),
}

/// A step of the old syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    /// The first text of an array that compares.
    Filter(Comparison, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    StartsWith,
    EndsWith,
    Contains,
}

impl Default for RolePath {
    fn default() -> Self {
        Self(Kind::Claim("role".to_owned()))
    }
}

impl RolePath {
    /// Reads either syntax: the standard one begins with `$`.
    ///
    /// # Errors
    /// A sentence that names the option and the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: String| format!("failed to parse role-claim-key value ({text}): {why}");
        let Some(rest) = text.strip_prefix('$') else {
            return old_steps(text).map(|steps| Self(Kind::Old(steps))).map_err(wrong);
        };
        let plain = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if let Some(name) = rest.strip_prefix('.').filter(|name| plain(name)) {
            return Ok(Self(Kind::Claim(name.to_owned())));
        }
        JsonPath::parse(text).map(|path| Self(Kind::Standard(Box::new(path)))).map_err(|e| wrong(e.to_string()))
    }

    /// The first value at the path. Null is a value, too: whose token says `"role": null` is not taken for nobody in particular.
    pub fn find(&self, claims: &Map<String, Value>) -> Option<Value> {
        match &self.0 {
            Kind::Claim(name) => claims.get(name).cloned(),
            Kind::Standard(path) => path.query(&Value::Object(claims.clone())).first().cloned(),
            Kind::Old(steps) => walk(steps, claims),
        }
    }
}

fn walk(steps: &[Step], claims: &Map<String, Value>) -> Option<Value> {
    let whole = Value::Object(claims.clone());
    let mut at = &whole;
    for step in steps {
        at = match step {
            Step::Key(name) => at.get(name)?,
            Step::Index(index) => at.get(index)?,
            Step::Filter(comparison, wanted) => {
                let fits = |text: &str| match comparison {
                    Comparison::Equal => text == wanted,
                    Comparison::NotEqual => text != wanted,
                    Comparison::StartsWith => text.starts_with(wanted.as_str()),
                    Comparison::EndsWith => text.ends_with(wanted.as_str()),
                    Comparison::Contains => text.contains(wanted.as_str()),
                };
                at.as_array()?.iter().find(|item| item.as_str().is_some_and(fits))?
            }
        };
    }
    Some(at.clone())
}

/// `.a."b c"[0][?(@ == "x")]`
fn old_steps(text: &str) -> Result<Vec<Step>, String> {
    let (mut rest, mut steps) = (text, Vec::new());
    while !rest.is_empty() {
        let (step, next) = old_step(rest).ok_or_else(|| format!("unexpected {rest:?}"))?;
        steps.push(step);
        rest = next;
    }
    if steps.is_empty() { Err("it is empty".into()) } else { Ok(steps) }
}

fn old_step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (name, rest) = quoted.split_once('"')?;
            return Some((Step::Key(name.to_owned()), rest));
        }
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@');
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        return (end > 0).then(|| (Step::Key(rest[..end].to_owned()), &rest[end..]));
    }
    let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
    let Some(filter) = inside.strip_prefix("?(").and_then(|f| f.strip_suffix(')')) else {
        return Some((Step::Index(inside.parse().ok()?), rest));
    };
    let filter = filter.trim().strip_prefix('@')?.trim_start();
    let (operator, wanted) = filter.split_at_checked(filter.find('"')?)?;
    let comparison = match operator.trim() {
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "^==" => Comparison::StartsWith,
        "==^" => Comparison::EndsWith,
        "*==" => Comparison::Contains,
        _ => return None,
    };
    let wanted = wanted.trim_end().strip_prefix('"')?.strip_suffix('"')?;
    Some((Step::Filter(comparison, wanted.to_owned()), rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_syntaxes_find_the_role() {
        let Value::Object(claims) = json!({
            "role": "author", "none": null, "number": 5,
            "realm": { "my roles": ["viewer", "web_admin", "web_user"] },
        }) else {
            panic!("an object")
        };
        let find = |path: &str| {
            RolePath::parse(path).unwrap().find(&claims).map(|v| v.as_str().map_or(v.to_string(), str::to_owned))
        };
        for (path, expected) in [
            ("$.role", Some("author")),
            ("$.none", Some("null")),
            ("$.number", Some("5")),
            ("$.realm['my roles'][1]", Some("web_admin")),
            ("$.realm['my roles'][?@ == 'web_user']", Some("web_user")),
            ("$.realm['my roles'][?search(@, 'adm')]", Some("web_admin")),
            (".role", Some("author")),
            (".realm.\"my roles\"[0]", Some("viewer")),
            (".realm.\"my roles\"[?(@ ^== \"web\")]", Some("web_admin")),
            (".realm.\"my roles\"[?(@ ==^ \"user\")]", Some("web_user")),
            (".realm.\"my roles\"[?(@ *== \"b_u\")]", Some("web_user")),
            (".realm.\"my roles\"[?(@ != \"viewer\")]", Some("web_admin")),
            (".realm.\"my roles\"[?(@ == \"nobody\")]", None),
            (".realm.nothing[3]", None),
        ] {
            assert_eq!(find(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "role", ".", ".a[", ".a[x]", ".a[?(@ ~~ \"x\")]", "$.", "$[", ".\"a"] {
            assert!(RolePath::parse(path).unwrap_err().contains("role-claim-key"), "{path}");
        }
    }
}
