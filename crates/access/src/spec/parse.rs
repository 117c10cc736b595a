//! From TOML, with the line of whatever is wrong.

use serde_json::Value as Json;
use toml_edit::{Document, Item, TableLike, Value};

use super::{Error, Identity, Kind, Object, Operation, Owner, Profile, Right, Rights, Spec};

/// What the file may say at its top.
const TOP: &[&str] = &["version", "identities", "tables", "views", "functions", "buckets", "lint"];
/// Names that cannot be a project's own.
const BUILT_IN: &[&str] = &["anon", "user", "service", "owner", "words", "public", "not_proven"];

impl Spec {
    /// Reads the text of an `access.toml`.
    ///
    /// # Errors
    /// The first thing that is not TOML or not the grammar: unknown keys, identities, words.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let reader = Reader { text };
        let document = Document::parse(text).map_err(|error| reader.at(error.span(), error.message()))?;
        reader.spec(document.as_table())
    }
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn at(&self, span: Option<std::ops::Range<usize>>, message: impl Into<String>) -> Error {
        Error { line: self.line(span), message: message.into() }
    }

    fn line(&self, span: Option<std::ops::Range<usize>>) -> usize {
        let end = span.map_or(0, |span| span.start).min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn spec(&self, table: &toml_edit::Table) -> Result<Spec, Error> {
        for (key, item) in table.iter() {
            if !TOP.contains(&key) {
                return Err(self.unknown(table, key, item, TOP));
            }
        }
        match table.get("version").map(|item| (item.as_integer(), item.span())) {
            Some((Some(1), _)) => {}
            Some((_, span)) => return Err(self.at(span, "this Basalt reads version = 1")),
            None => return Err(self.at(None, "the file must say version = 1")),
        }
        let mut spec = Spec { source: self.text.to_owned(), ..Spec::default() };
        if let Some(item) = table.get("identities") {
            for (name, item) in self.table(item, "[identities]")?.iter() {
                spec.identities.push(self.identity(name, item)?);
            }
        }
        let names: Vec<String> = spec.identity_names().map(str::to_owned).collect();
        for kind in Kind::ALL {
            let Some(item) = table.get(kind.section()) else { continue };
            for (name, item) in self.table(item, kind.section())?.iter() {
                spec.objects.push(self.object(kind, name, item, &names)?);
            }
        }
        spec.objects.sort_by_key(|object| object.line);
        Ok(spec)
    }

    fn identity(&self, name: &str, item: &Item) -> Result<Identity, Error> {
        if BUILT_IN.contains(&name) {
            return Err(self.at(item.span(), format!("{name:?} is built in and cannot be made anew")));
        }
        let table = self.table(item, name)?;
        let mut identity = Identity {
            name: name.to_owned(),
            role: "authenticated".to_owned(),
            profile: Vec::new(),
            claims: serde_json::Map::new(),
            auth: Vec::new(),
            line: self.line(item.span()),
        };
        for (key, item) in table.iter() {
            match key {
                "role" => identity.role = self.text(item, "role")?.to_owned(),
                "profile" => {
                    for (path, item) in self.table(item, "profile")?.iter() {
                        let names: Vec<String> = path.split('.').map(str::to_owned).collect();
                        let [schema, table, column] = <[String; 3]>::try_from(names)
                            .map_err(|_| self.at(item.span(), format!("{path:?} is not \"schema.table.column\"")))?;
                        identity.profile.push(Profile { schema, table, column, value: self.json(item)? });
                    }
                }
                "claims" => {
                    for (claim, item) in self.table(item, "claims")?.iter() {
                        identity.claims.insert(claim.to_owned(), self.json(item)?);
                    }
                }
                "auth" => {
                    for (column, item) in self.table(item, "auth")?.iter() {
                        identity.auth.push((column.to_owned(), self.json(item)?));
                    }
                }
                _ => return Err(self.unknown(table, key, item, &["role", "profile", "claims", "auth"])),
            }
        }
        Ok(identity)
    }

    fn object(&self, kind: Kind, name: &str, item: &Item, identities: &[String]) -> Result<Object, Error> {
        let table = self.table(item, name)?;
        let mut object = Object { line: self.line(item.span()), ..Object::new(kind, name) };
        let rows = kind != Kind::Function;
        for (key, item) in table.iter() {
            match key {
                "owner" if rows => {
                    let owner = Owner::parse(self.text(item, key)?).map_err(|message| self.at(item.span(), message))?;
                    object.owner = Some(owner);
                }
                "words" if rows => {
                    for (word, item) in self.table(item, key)?.iter() {
                        object.words.push((word.to_owned(), self.text(item, word)?.to_owned()));
                    }
                }
                "public" if kind == Kind::Bucket => {
                    object.public = item.as_bool().ok_or_else(|| self.at(item.span(), "public is true or false"))?;
                }
                "not_proven" if matches!(kind, Kind::Table | Kind::Bucket) => {
                    let names =
                        item.as_array().and_then(|names| names.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
                    let names =
                        names.ok_or_else(|| self.at(item.span(), "not_proven is a list of names of policies"))?;
                    object.not_proven = names.into_iter().map(str::to_owned).collect();
                }
                identity if identities.iter().any(|known| known == identity) => {}
                _ => {
                    let mut known: Vec<&str> = identities.iter().map(String::as_str).collect();
                    if rows {
                        known.extend(["owner", "words"]);
                    }
                    if matches!(kind, Kind::Table | Kind::Bucket) {
                        known.push("not_proven");
                    }
                    return Err(self.unknown(table, key, item, &known));
                }
            }
        }
        for (key, item) in table.iter().filter(|(key, _)| identities.iter().any(|known| known == key)) {
            let rights = if rows { self.rights(&object, item)? } else { self.execute(item)? };
            object.rights.push((key.to_owned(), rights));
        }
        Ok(object)
    }

    fn execute(&self, item: &Item) -> Result<Rights, Error> {
        match item.as_str() {
            Some("execute") => Ok(Rights { execute: true, ..Rights::default() }),
            Some("none") => Ok(Rights::default()),
            _ => Err(self.at(item.span(), "the right to a function is \"execute\" or \"none\"")),
        }
    }

    fn rights(&self, object: &Object, item: &Item) -> Result<Rights, Error> {
        let table = self.table(item, "the rights to rows")?;
        let mut rights = Rights::default();
        for (key, item) in table.iter() {
            let Some(operation) = Operation::ROWS.into_iter().find(|operation| operation.word() == key) else {
                return Err(self.unknown(table, key, item, &["select", "insert", "update", "delete"]));
            };
            let right = Right::parse(self.text(item, key)?).map_err(|message| self.at(item.span(), message))?;
            if right.after.is_some() && operation != Operation::Update {
                return Err(
                    self.at(item.span(), "only an update makes one row of another: \"becoming\" has no place here")
                );
            }
            let rows = [&right.rows, right.becoming()];
            if rows.iter().any(|rows| rows.needs_owner()) && object.owner.is_none() {
                let message = format!("{} has no owner, so nothing is \"own\" there", object.name);
                return Err(self.at(item.span(), message));
            }
            if let Some(word) = rows.iter().flat_map(|rows| rows.words()).find(|word| object.word(word).is_none()) {
                let known: Vec<_> = object.words.iter().map(|(word, _)| word.as_str()).collect();
                let message = format!("unknown word {word:?}; the words of {} are {}", object.name, list(&known));
                return Err(self.at(item.span(), message));
            }
            if operation == Operation::Delete && right.columns.is_some() {
                return Err(self.at(item.span(), "a row is deleted whole: delete names no columns"));
            }
            *rights.on_mut(operation) = right;
        }
        Ok(rights)
    }

    fn table<'i>(&self, item: &'i Item, what: &str) -> Result<&'i dyn TableLike, Error> {
        item.as_table_like().ok_or_else(|| self.at(item.span(), format!("{what} must be a table")))
    }

    fn text<'i>(&self, item: &'i Item, what: &str) -> Result<&'i str, Error> {
        item.as_str().ok_or_else(|| self.at(item.span(), format!("{what} must be a text")))
    }

    fn unknown(&self, table: &dyn TableLike, key: &str, item: &Item, known: &[&str]) -> Error {
        let span = table.key(key).and_then(toml_edit::Key::span).or_else(|| item.span());
        self.at(span, format!("unknown key {key:?}; known here are {}", list(known)))
    }

    fn json(&self, item: &Item) -> Result<Json, Error> {
        let value = item.as_value().ok_or_else(|| self.at(item.span(), "a value is missing"))?;
        json(value).ok_or_else(|| self.at(item.span(), "this number has no place in JSON"))
    }
}

fn json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::String(text) => Json::from(text.value().as_str()),
        Value::Integer(number) => Json::from(*number.value()),
        Value::Float(number) => Json::Number(serde_json::Number::from_f64(*number.value())?),
        Value::Boolean(truth) => Json::from(*truth.value()),
        Value::Datetime(time) => Json::from(time.value().to_string()),
        Value::Array(array) => Json::Array(array.iter().map(json).collect::<Option<_>>()?),
        Value::InlineTable(table) => {
            Json::Object(table.iter().map(|(key, value)| Some((key.to_owned(), json(value)?))).collect::<Option<_>>()?)
        }
    })
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
