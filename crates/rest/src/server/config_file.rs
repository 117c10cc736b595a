//! Where options come from: the file in PostgREST's syntax, `PGRST_*` variables, the database.

use std::collections::BTreeMap;

use super::config::{Config, KNOBS};

/// A value of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `"text"`, escapes and `$(NAME)` resolved.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// A number as written.
    Number(String),
    /// `[a, b]`.
    List(Vec<Value>),
}

impl Value {
    /// The value as text; a list is joined by commas.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) => text.clone(),
            Self::Bool(value) => value.to_string(),
            Self::List(items) => items.iter().map(Self::to_text).collect::<Vec<_>>().join(","),
        }
    }
}

/// Everything that sets options, lowest first: file, environment, database.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Text of the configuration file.
    pub file: Option<String>,
    /// Environment variables; only `PGRST_*` are read, and those that the file names by `$(NAME)`.
    pub environment: BTreeMap<String, String>,
    /// Settings from the database, `pgrst.` taken off: `db_schemas`.
    pub database: Vec<(String, String)>,
}

impl Sources {
    /// The options that hold.
    ///
    /// # Errors
    /// A sentence on what cannot be read, and where.
    pub fn config(&self) -> Result<Config, String> {
        Config::from_options(&self.options()?)
    }

    /// The options by name, before they are checked.
    ///
    /// # Errors
    /// As [`Sources::config`].
    pub fn options(&self) -> Result<BTreeMap<String, Value>, String> {
        let mut options = BTreeMap::new();
        for (name, value) in parse(self.file.as_deref().unwrap_or_default(), &self.environment)? {
            options.insert(name, value);
        }
        for (name, value) in &self.environment {
            if let Some(name) = environment_name(name) {
                options.insert(name, Value::Text(value.clone()));
            }
        }
        for (name, value) in &self.database {
            if let Some(name) = database_name(name) {
                options.insert(name, Value::Text(value.clone()));
            }
        }
        resolve_old_names(&mut options);
        for name in ["db-uri", "jwt-secret"] {
            if let Some(read) = options.get(name).and_then(|v| from_file(name, &v.to_text())) {
                options.insert(name.to_owned(), Value::Text(read?));
            }
        }
        Ok(options)
    }
}

/// `@path` stands for the content of a file, without the newline at its end.
fn from_file(option: &str, text: &str) -> Option<Result<String, String>> {
    let path = text.strip_prefix('@')?;
    let read = std::fs::read_to_string(path);
    Some(read.map(|t| t.trim_end().to_owned()).map_err(|e| format!("{option}: cannot read {path}: {e}")))
}

/// What stands under an old name counts where nothing stands under the new one, wherever either was set; only of the time that a
/// connection may be idle the old name goes first. So upstream has it.
fn resolve_old_names(options: &mut BTreeMap<String, Value>) {
    for knob in KNOBS {
        let Some(alias) = knob.alias else { continue };
        let Some(old) = options.remove(alias).filter(|value| !value.to_text().is_empty()) else { continue };
        let is_set = options.get(knob.name).is_some_and(|value| !value.to_text().is_empty());
        if !is_set || alias == "db-pool-timeout" {
            options.insert(knob.name.to_owned(), old);
        }
    }
}

/// `PGRST_DB_SCHEMAS` → `db-schemas`, `PGRST_APP_SETTINGS_X` → `app.settings.x`.
fn environment_name(name: &str) -> Option<String> {
    let name = name.strip_prefix("PGRST_")?.to_ascii_lowercase();
    if let Some(setting) = name.strip_prefix("app_settings_") {
        return Some(format!("app.settings.{setting}"));
    }
    let name = name.replace('_', "-");
    KNOBS.iter().any(|k| k.name == name || k.alias == Some(&name)).then_some(name)
}

/// `db_schemas` → `db-schemas`, where the database may set it; `app.settings.x` stays.
fn database_name(name: &str) -> Option<String> {
    if name.starts_with("app.settings.") {
        return Some(name.to_owned());
    }
    let name = name.replace('_', "-");
    KNOBS.iter().any(|k| k.name == name && k.in_db).then_some(name)
}

/// Reads the file's `name = value` lines.
fn parse(text: &str, environment: &BTreeMap<String, String>) -> Result<Vec<(String, Value)>, String> {
    let mut reader = Reader { text, at: 0, environment };
    let mut found = Vec::new();
    loop {
        reader.skip_blank();
        if reader.rest().is_empty() {
            return Ok(found);
        }
        let name = reader.name()?;
        reader.skip_spaces();
        reader.expect('=')?;
        reader.skip_blank();
        found.push((name, reader.value()?));
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    environment: &'a BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn fail(&self, what: &str) -> String {
        let line = self.text[..self.at].matches('\n').count() + 1;
        format!("the configuration file cannot be read at line {line}: {what}")
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.peek() == Some(wanted) {
            self.next();
            return Ok(());
        }
        Err(self.fail(&format!("{wanted:?} is missing")))
    }

    fn skip_spaces(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.next();
        }
    }

    /// White space, newlines and comments.
    fn skip_blank(&mut self) {
        loop {
            match self.peek() {
                Some('#') => {
                    while !matches!(self.peek(), None | Some('\n')) {
                        self.next();
                    }
                }
                Some(c) if c.is_whitespace() => {
                    self.next();
                }
                _ => return,
            }
        }
    }

    fn name(&mut self) -> Result<String, String> {
        let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let end = self.rest().find(|c| !word(c)).unwrap_or(self.rest().len());
        if end == 0 {
            return Err(self.fail("the name of an option is missing"));
        }
        let name = self.rest()[..end].to_owned();
        self.at += end;
        Ok(name)
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek() {
            Some('"') => self.quoted().map(Value::Text),
            Some('[') => self.list(),
            Some(c) if c.is_ascii_digit() || c == '-' => {
                let end = self.rest().find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | 'e' | 'E' | '+'));
                let number = self.rest()[..end.unwrap_or(self.rest().len())].to_owned();
                self.at += number.len();
                Ok(Value::Number(number))
            }
            _ => {
                let word = self.name().map_err(|_| self.fail("a value is missing"))?;
                match word.as_str() {
                    "true" | "on" => Ok(Value::Bool(true)),
                    "false" | "off" => Ok(Value::Bool(false)),
                    _ => Err(self.fail(&format!("{word:?} is no value: text stands in double quotes"))),
                }
            }
        }
    }

    fn list(&mut self) -> Result<Value, String> {
        self.expect('[')?;
        let mut items = Vec::new();
        loop {
            self.skip_blank();
            if self.peek() == Some(']') {
                self.next();
                return Ok(Value::List(items));
            }
            items.push(self.value()?);
            self.skip_blank();
            if self.peek() == Some(',') {
                self.next();
            } else if self.peek() != Some(']') {
                return Err(self.fail("',' or ']' is missing in a list"));
            }
        }
    }

    /// Text in double quotes: backslash escapes, `$$` for a dollar, `$(NAME)` for an environment variable.
    fn quoted(&mut self) -> Result<String, String> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.next().ok_or_else(|| self.fail("'\"' is missing at the end of a text"))? {
                '"' => return Ok(text),
                '\\' => text.push(self.escape()?),
                '$' => match self.peek() {
                    Some('$') => {
                        self.next();
                        text.push('$');
                    }
                    Some('(') => text.push_str(&self.variable()?),
                    _ => return Err(self.fail("a dollar in a text is written twice")),
                },
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        match self.next() {
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some(c @ ('"' | '\\')) => Ok(c),
            Some('u') => {
                let digits =
                    self.rest().get(..4).and_then(|d| u32::from_str_radix(d, 16).ok()).and_then(char::from_u32);
                let c = digits.ok_or_else(|| self.fail("\\u needs four hexadecimal digits"))?;
                self.at += 4;
                Ok(c)
            }
            _ => Err(self.fail("unknown escape in a text")),
        }
    }

    fn variable(&mut self) -> Result<String, String> {
        let end = self.rest().find(')').ok_or_else(|| self.fail("')' is missing after the name of a variable"))?;
        let name = &self.rest()[1..end];
        let value =
            self.environment.get(name).ok_or_else(|| self.fail(&format!("{name} is not in the environment")))?;
        self.at += end + 1;
        Ok(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(file: &str, environment: &[(&str, &str)], database: &[(&str, &str)]) -> Sources {
        let own =
            |list: &[(&str, &str)]| list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        Sources {
            file: Some(file.to_owned()),
            environment: own(environment).into_iter().collect(),
            database: own(database),
        }
    }

    #[test]
    fn the_database_wins_over_the_environment_over_the_file() {
        let file = "# a comment\ndb-schemas = \"a, b\" # another\ndb-max-rows = 5\ndb-pool = \"7\"\nmax-rows=10\n";
        let environment = [("PGRST_DB_SCHEMA", "c"), ("PGRST_APP_SETTINGS_HOST", "h"), ("HOME", "/root")];
        let config = sources(file, &environment, &[("db_max_rows", "3"), ("db_uri", "ignored")]).config().unwrap();
        assert_eq!(config.db_schemas, ["a", "b"]);
        assert_eq!((config.db_max_rows, config.db_pool), (Some(3), Some(7)));
        assert_eq!(config.app_settings, [("app.settings.host".to_owned(), "h".to_owned())]);
        assert_eq!(config.db_uri.expose(), "postgresql://");
    }

    #[test]
    fn old_names_stand_behind_the_new() {
        let config = |file: &str, environment| sources(file, environment, &[]).config().unwrap();
        assert_eq!(config("db-max-rows = 5\nmax-rows = 10", &[]).db_max_rows, Some(5));
        assert_eq!(config("max-rows = 10", &[]).db_max_rows, Some(10));
        assert_eq!(config("db-max-rows = 5", &[("PGRST_MAX_ROWS", "10")]).db_max_rows, Some(5));
        assert_eq!(config("db-max-rows = 5", &[("PGRST_DB_MAX_ROWS", "10")]).db_max_rows, Some(10));
        assert_eq!(config("db-schema = \"x\"", &[("PGRST_DB_SCHEMAS", "")]).db_schemas, ["x"]);
        let idle = config("db-pool-max-idletime = 5\ndb-pool-timeout = 6", &[]).db_pool_max_idletime;
        assert_eq!(idle.as_secs(), 6);
    }

    #[test]
    fn texts_know_escapes_dollars_and_variables() {
        let file = r#"jwt-aud = "a\"b\\c$$d$(WHO)é"
            db-extra-search-path = ["x", "EXTRA \"@/\\#~_-"]"#;
        let config = sources(file, &[("WHO", "me")], &[]).config().unwrap();
        assert_eq!(config.jwt_aud.as_deref(), Some(r#"a"b\c$dmeé"#));
        assert_eq!(config.db_extra_search_path, ["x", r#"EXTRA "@/\#~_-"#]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = |file: &str| sources(file, &[], &[]).config().unwrap_err();
        assert!(error("db-schemas = public").contains("double quotes"));
        assert!(error("a = 1\nb").contains("line 2"));
        assert!(error("db-pool = \"many\"").contains("db-pool"));
        assert!(error("db-tx-end = \"maybe\"").contains("rollback-allow-override"));
        assert!(error("db-tx-end = \"maybe\"").contains("Invalid transaction termination. Check your configuration."));
        assert!(error("log-level = \"loud\"").contains("Invalid logging level. Check your configuration."));
        for aud in ["http://%%local.invalid", ":", "a b:c", "1:x"] {
            assert_eq!(error(&format!("jwt-aud = \"{aud}\"")), "jwt-aud should be a string or a valid URI");
        }
        for uri in ["ftp://a.b", "http:///x", "http://a:0", "http://a:99999", "http://u@a", "http://a/?q=1", "a.b"] {
            assert!(error(&format!("openapi-server-proxy-uri = \"{uri}\"")).contains("Malformed proxy uri"), "{uri}");
        }
        assert!(error("db-schemas = \"pg_catalog\"").contains("pg_catalog"));
        assert!(error("server-unix-socket-mode = \"999\"").contains("octal"));
        assert!(error("jwt-secret = \"@/nonexistent\"").contains("jwt-secret"));
    }

    #[test]
    fn uris_may_have_any_scheme_and_proxies_any_host() {
        for aud in ["urn:example:aud", "https://a.b/c?d#e", "mailto:x@y", "plain"] {
            let config = sources(&format!("jwt-aud = \"{aud}\""), &[], &[]).config().unwrap();
            assert_eq!(config.jwt_aud.as_deref(), Some(aud));
        }
        for uri in ["HTTPS://a.b/c", "http://[::1]:80/x", "http://localhost"] {
            sources(&format!("openapi-server-proxy-uri = \"{uri}\""), &[], &[]).config().unwrap();
        }
    }
}
