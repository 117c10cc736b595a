//! Subject and body of each kind of letter.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::RwLock;
use serde_json::{Map, Value};

use crate::plain;
use crate::template::{Template, TemplateError};

/// A template from a URL is fetched again after this time.
pub(crate) const FETCH_AGAIN: Duration = Duration::from_secs(600);
/// Longest template, in bytes.
const MAX_TEMPLATE_BYTES: u64 = 256 * 1024;
/// Longest wait for a template from a URL.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

macro_rules! kinds {
    ($($name:literal: $subject:literal),+ $(,)?) => {
        /// Kind, default subject, default body. The kinds are those of `[auth.email.template.<kind>]` and
        /// `[auth.email.notification.<kind>]`, the latter with `_notification` behind.
        pub const KINDS: &[(&str, &str, &str)] =
            &[$(($name, $subject, include_str!(concat!("../templates/", $name, ".html")))),+];
    };
}

kinds! {
    "confirmation": "Confirm your address",
    "invite": "You are invited",
    "recovery": "Choose a new password",
    "magic_link": "Your sign-in link",
    "email_change": "Confirm the change of your address",
    "reauthentication": "{{ .Token }} is your code",
    "password_changed_notification": "Your password was changed",
    "email_changed_notification": "Your address was changed",
    "phone_changed_notification": "Your phone number was changed",
    "identity_linked_notification": "A new way to sign in was added",
    "identity_unlinked_notification": "A way to sign in was removed",
    "mfa_factor_enrolled_notification": "A second factor was added",
    "mfa_factor_unenrolled_notification": "A second factor was removed",
}

/// Where the project's own template of a kind comes from. What is `None` is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The subject; a template too.
    pub subject: Option<String>,
    /// The body, written in the settings.
    pub content: Option<String>,
    /// A file. Beside `confirmation.html`, `confirmation.de.html` is used for users whose metadata say `locale: de`; its `<title>`
    /// is the subject.
    pub path: Option<PathBuf>,
    /// A URL, fetched at start and every ten minutes; ours is used until it answers.
    pub url: Option<String>,
}

/// A template that cannot be used: the server does not start with it.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// No letter has this name.
    #[error("there is no letter of kind {0:?}; the kinds are {1}")]
    UnknownKind(String, String),
    /// The file cannot be read.
    #[error("the template of {kind} cannot be read from {path}: {reason}")]
    Unreadable {
        /// Which letter.
        kind: String,
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// Go would not take it.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// A letter, filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// The body.
    pub html: String,
    /// The same for programs that show no HTML.
    pub text: String,
}

struct Form {
    subject: Template,
    body: Template,
}

impl Form {
    fn new(kind: &str, subject: &str, body: &str) -> Result<Self, TemplateError> {
        Ok(Self { subject: Template::text(&format!("{kind} (subject)"), subject)?, body: Template::html(kind, body)? })
    }

    fn fill(&self, data: &Value) -> Result<Letter, TemplateError> {
        let subject = self.subject.render(data)?;
        // A line break in a value would begin a header of its own.
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        let html = self.body.render(data)?;
        let text = plain::from_html(&html);
        Ok(Letter { subject, html, text })
    }
}

/// All letters of a project.
pub struct Letters {
    /// By kind, and `kind.locale`.
    own: RwLock<HashMap<String, Form>>,
    defaults: HashMap<&'static str, Form>,
    /// Kind, subject, URL.
    remote: Vec<(String, String, String)>,
}

impl Letters {
    /// Reads and parses the project's templates.
    ///
    /// # Errors
    /// [`LettersError`], with file and line.
    pub fn new(sources: &HashMap<String, Source>) -> Result<Self, LettersError> {
        let mut defaults = HashMap::new();
        for (kind, subject, body) in KINDS {
            defaults.insert(*kind, Form::new(kind, subject, body)?);
        }
        let (mut own, mut remote) = (HashMap::new(), Vec::new());
        for (kind, source) in sources {
            let Some((_, subject, body)) = KINDS.iter().find(|(known, ..)| known == kind) else {
                let known: Vec<&str> = KINDS.iter().map(|(known, ..)| *known).collect();
                return Err(LettersError::UnknownKind(kind.clone(), known.join(", ")));
            };
            let subject = source.subject.as_deref().unwrap_or(subject);
            let content = match (&source.content, &source.path) {
                (Some(content), _) => content.clone(),
                (None, Some(path)) => {
                    for (locale, variant) in variants(path) {
                        let content = read(kind, &variant)?;
                        let subject = title(&content).unwrap_or_else(|| subject.to_owned());
                        let name = format!("{kind}.{locale}");
                        own.insert(name.clone(), Form::new(&name, &subject, &content)?);
                    }
                    read(kind, path)?
                }
                (None, None) => (*body).to_owned(),
            };
            own.insert(kind.clone(), Form::new(kind, subject, &content)?);
            if let Some(url) = &source.url {
                remote.push((kind.clone(), subject.to_owned(), url.clone()));
            }
        }
        Ok(Self { own: RwLock::new(own), defaults, remote })
    }

    /// Fills in the letter of a kind, in the locale of `Data.locale` where there is a variant of it.
    ///
    /// A template of the project that fails with these data is logged, and ours is used: nobody waits for a letter that never comes.
    ///
    /// # Errors
    /// An unknown kind, or ours failed too.
    pub fn fill(&self, kind: &str, data: &Map<String, Value>) -> Result<Letter, LettersError> {
        let value = Value::Object(data.clone());
        let own = self.own.read();
        let names = locales(data).into_iter().map(|locale| format!("{kind}.{locale}")).chain([kind.to_owned()]);
        for form in names.filter_map(|name| own.get(&name)) {
            match form.fill(&value) {
                Ok(letter) => return Ok(letter),
                Err(error) => tracing::warn!(target: "mail", %error, "a template failed, the default is sent"),
            }
        }
        match self.defaults.get(kind) {
            Some(form) => Ok(form.fill(&value)?),
            None => Err(LettersError::UnknownKind(kind.to_owned(), String::new())),
        }
    }

    /// Does any template come from a URL?
    pub fn has_remote(&self) -> bool {
        !self.remote.is_empty()
    }

    /// Fetches the templates that come from URLs. One that does not answer or does not parse is logged; the last good one stays.
    pub async fn fetch(&self, client: &reqwest::Client) {
        for (kind, subject, url) in &self.remote {
            match fetch(client, url).await {
                Ok(content) => match Form::new(kind, subject, &content) {
                    Ok(form) => drop(self.own.write().insert(kind.clone(), form)),
                    Err(error) => tracing::warn!(target: "mail", %error, url, "a template is not used"),
                },
                Err(error) => tracing::warn!(target: "mail", kind, url, error, "a template cannot be fetched"),
            }
        }
    }
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<String, String> {
    let answer = client.get(url).timeout(FETCH_TIMEOUT).send().await.map_err(|e| e.without_url().to_string())?;
    if !answer.status().is_success() {
        return Err(format!("it answers {}", answer.status()));
    }
    if answer.content_length().is_some_and(|length| length > MAX_TEMPLATE_BYTES) {
        return Err("it is too long".into());
    }
    let text = answer.text().await.map_err(|e| e.without_url().to_string())?;
    if text.len() as u64 > MAX_TEMPLATE_BYTES { Err("it is too long".into()) } else { Ok(text) }
}

fn read(kind: &str, path: &Path) -> Result<String, LettersError> {
    let wrong =
        |reason: String| LettersError::Unreadable { kind: kind.to_owned(), path: path.display().to_string(), reason };
    let size = std::fs::metadata(path).map_err(|e| wrong(e.to_string()))?.len();
    if size > MAX_TEMPLATE_BYTES {
        return Err(wrong(format!("it is longer than {MAX_TEMPLATE_BYTES} bytes")));
    }
    std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))
}

/// `confirmation.de.html` beside `confirmation.html`: locale and path.
fn variants(path: &Path) -> Vec<(String, PathBuf)> {
    let (Some(stem), Some(folder)) = (path.file_stem().and_then(|s| s.to_str()), path.parent()) else {
        return Vec::new();
    };
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("html");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let locale = name.to_str()?.strip_prefix(stem)?.strip_prefix('.')?.strip_suffix(extension)?;
            let locale = locale.strip_suffix('.')?;
            is_locale(locale).then(|| (locale.to_ascii_lowercase(), entry.path()))
        })
        .collect();
    found.sort();
    found
}

fn is_locale(text: &str) -> bool {
    (2..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// What the user's metadata say, most specific first: `de-AT`, then `de`.
fn locales(data: &Map<String, Value>) -> Vec<String> {
    let Some(Value::Object(metadata)) = data.get("Data") else { return Vec::new() };
    let named = ["locale", "lang", "language"].iter().find_map(|key| metadata.get(*key)?.as_str());
    let Some(locale) = named.filter(|locale| is_locale(locale)) else { return Vec::new() };
    let locale = locale.to_ascii_lowercase();
    let language = locale.split(['-', '_']).next().unwrap_or_default().to_owned();
    let mut all = vec![locale.clone(), locale.replace('_', "-"), language];
    all.dedup();
    all
}

fn title(html: &str) -> Option<String> {
    let start = html.find("<title>")? + "<title>".len();
    let end = html[start..].find("</title>")? + start;
    Some(html[start..end].trim().to_owned()).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data(metadata: &Value) -> Map<String, Value> {
        let all = json!({
            "SiteURL": "https://app.test", "ConfirmationURL": "https://api.test/verify?token=t&type=x", "Token": "424242",
            "TokenHash": "hash", "Email": "ada@example.org", "NewEmail": "new@example.org", "SendingTo": "ada@example.org",
            "RedirectTo": "https://app.test/", "Phone": "43123", "OldPhone": "43999", "OldEmail": "old@example.org",
            "Provider": "google", "FactorType": "totp", "Data": metadata,
        });
        all.as_object().unwrap().clone()
    }

    #[test]
    fn every_kind_has_a_letter_that_says_what_it_must() {
        let letters = Letters::new(&HashMap::new()).unwrap();
        for (kind, ..) in KINDS {
            let letter = letters.fill(kind, &data(&json!({}))).unwrap();
            assert!(!letter.subject.is_empty() && !letter.html.contains("{{"), "{kind}");
            let must = match *kind {
                "reauthentication" => "424242",
                "email_changed_notification" => "old@example.org",
                "phone_changed_notification" => "43999",
                "identity_linked_notification" | "identity_unlinked_notification" => "google",
                "mfa_factor_enrolled_notification" | "mfa_factor_unenrolled_notification" => "totp",
                "password_changed_notification" => "ada@example.org",
                _ => "https://api.test/verify?token=t&type=x",
            };
            assert!(letter.text.contains(must), "{kind}: {}", letter.text);
        }
    }

    #[test]
    fn the_projects_own_templates_by_text_file_and_locale() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("welcome.html");
        std::fs::write(&path, "<p>Hello {{ .Data.name }}</p>").unwrap();
        std::fs::write(folder.path().join("welcome.de.html"), "<title>Willkommen</title><p>Hallo {{ .Data.name }}</p>")
            .unwrap();
        let sources = HashMap::from([
            ("confirmation".to_owned(), Source { path: Some(path), ..Source::default() }),
            (
                "recovery".to_owned(),
                Source {
                    subject: Some("Code {{ .Token }}".into()),
                    content: Some("<b>{{ index .Data.list 3 }}</b>".into()),
                    ..Source::default()
                },
            ),
        ]);
        let letters = Letters::new(&sources).unwrap();
        let english = letters.fill("confirmation", &data(&json!({"name": "A&B"}))).unwrap();
        assert_eq!((english.subject.as_str(), english.html.as_str()), ("Confirm your address", "<p>Hello A&amp;B</p>"));
        let german = letters.fill("confirmation", &data(&json!({"name": "A\r\nBcc: x", "locale": "de-AT"}))).unwrap();
        assert_eq!((german.subject.as_str(), german.text.trim()), ("Willkommen", "Hallo A Bcc: x"));
        // It fails with these data: ours is sent, under our subject.
        let recovery = letters.fill("recovery", &data(&json!({"list": []}))).unwrap();
        assert_eq!(recovery.subject, "Choose a new password");
        let good = letters.fill("recovery", &data(&json!({"list": [0, 1, 2, 3]}))).unwrap();
        assert_eq!((good.subject.as_str(), good.html.as_str()), ("Code 424242", "<b>3</b>"));
    }

    #[test]
    fn a_broken_template_is_named() {
        let broken =
            |source: Source| Letters::new(&HashMap::from([("invite".to_owned(), source)])).err().unwrap().to_string();
        let message = broken(Source { content: Some("a\n{{ if }}".into()), ..Source::default() });
        assert!(message.contains("template invite, line 2"), "{message}");
        let message = broken(Source { path: Some("/nowhere/x.html".into()), ..Source::default() });
        assert!(message.contains("/nowhere/x.html"), "{message}");
        let unknown = HashMap::from([("welcome".to_owned(), Source::default())]);
        assert!(Letters::new(&unknown).err().unwrap().to_string().contains("confirmation, invite"));
    }
}
