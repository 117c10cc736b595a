//! What conditions tell about the values that make them true: literals that stand beside a column, columns that hold a person.

use std::collections::{BTreeMap, BTreeSet};

use super::needs;
use crate::Schema;
use crate::expr::Select;
use crate::schema::{Column, Relation};
use crate::spec::Spec;

/// Values and people's columns, by column name: conditions of one table speak of the columns of others.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    words: BTreeMap<String, Vec<String>>,
    numbers: BTreeMap<String, Vec<String>>,
    people: BTreeSet<(u32, String)>,
}

impl Hints {
    /// Reads all policies and all words.
    pub fn read(schema: &Schema, spec: Option<&Spec>) -> Self {
        let mut hints = Self::default();
        for relation in &schema.relations {
            for sql in relation.policies.iter().flat_map(|policy| policy.using.iter().chain(&policy.check)) {
                hints.learn(sql);
                for body in bodies(schema, sql) {
                    hints.learn(&body);
                    // What it is given is what it compares.
                    hints.learn(&format!("{sql} {body}"));
                }
                let plain = plain(sql);
                let listed = sql.contains("ARRAY[") && sql.contains("auth.uid()");
                for column in &relation.columns {
                    let name = &column.name;
                    if listed && column.base_type == "uuid" && names(sql).contains(name) {
                        hints.people.insert((relation.oid, name.clone()));
                    }
                    if [format!(" {name} = auth.uid "), format!(" auth.uid = {name} ")]
                        .iter()
                        .any(|said| plain.contains(said))
                    {
                        hints.people.insert((relation.oid, name.clone()));
                    }
                }
            }
        }
        for object in spec.iter().flat_map(|spec| &spec.objects) {
            object.words.iter().for_each(|(_, sql)| hints.learn(sql));
            if let Some(owner) = &object.owner {
                let name = |relation: &&Relation| format!("{}.{}", relation.schema, relation.name) == object.name;
                let (relation, column) = match owner.steps.last() {
                    None => (schema.relations.iter().find(name), &owner.column),
                    Some((of, table, column)) => (schema.relation(of, table), column),
                };
                hints.people.extend(relation.map(|relation| (relation.oid, column.clone())));
            }
        }
        hints
    }

    /// Does the column hold a person's id, also where no foreign key says so?
    pub fn holds_person(&self, relation: &Relation, column: &Column) -> bool {
        self.people.contains(&(relation.oid, column.name.clone()))
    }

    /// Values that conditions compare the column with.
    pub fn values(&self, column: &Column) -> &[String] {
        let known = match column.category.as_str() {
            "N" => self.numbers.get(&column.name),
            "S" => self.words.get(&column.name),
            _ => None,
        };
        known.map_or(&[], Vec::as_slice)
    }

    fn learn(&mut self, sql: &str) {
        let tokens = tokens(sql);
        let names = tokens.iter().filter_map(|token| if let Token::Name(name) = token { Some(name) } else { None });
        for name in names.collect::<BTreeSet<_>>() {
            for token in &tokens {
                let (map, values) = match token {
                    Token::Text(text) => (&mut self.words, texts(text)),
                    Token::Number(number) => (&mut self.numbers, numbers(number)),
                    Token::Name(_) => continue,
                };
                let known = map.entry(name.clone()).or_default();
                for value in values {
                    if !known.contains(&value) {
                        known.push(value);
                    }
                }
            }
        }
    }
}

/// How deep functions are followed into those that they call.
const DEEP: usize = 3;
/// A longer body is no condition.
const LONGEST: usize = 4000;

/// What conditions of policies, and of functions that they call, ask of the part of a token that a user writes himself.
pub fn metadata(schema: &Schema) -> Vec<(Vec<String>, serde_json::Value)> {
    let mut found = Vec::new();
    for relation in &schema.relations {
        for policy in &relation.policies {
            for sql in policy.using.iter().chain(&policy.check) {
                found.extend(needs::metadata(sql));
            }
            let called = schema.functions.iter().filter(|function| policy.calls.contains(&function.oid));
            for function in called.filter(|function| function.body.contains("user_metadata")) {
                let all = Select::parse(&function.body).into_iter();
                let parts = all.flat_map(|all| {
                    let parts = |select: &Select| -> Vec<String> {
                        select.expressions().map(|part| part.text(&function.body).to_owned()).collect()
                    };
                    all.all().into_iter().flat_map(parts).collect::<Vec<_>>()
                });
                found.extend(parts.flat_map(|sql| needs::metadata(&sql)));
            }
        }
    }
    found
}

/// The source of the project's functions that a condition gives more than keys, and of those that these call.
fn bodies(schema: &Schema, sql: &str) -> Vec<String> {
    let mut found: BTreeMap<u32, &str> = BTreeMap::new();
    let mut texts = vec![sql];
    for depth in 0..DEEP {
        let called: BTreeSet<String> = texts.drain(..).flat_map(names).collect();
        for function in schema.functions.iter().filter(|function| called.contains(&function.name)) {
            let is_condition =
                matches!(function.language.as_str(), "sql" | "plpgsql") && function.body.len() <= LONGEST;
            let is_given_values = depth > 0 || function.argument_types.iter().any(|given| given != "uuid");
            if is_condition
                && is_given_values
                && function.extension.is_none()
                && found.insert(function.oid, &function.body).is_none()
            {
                texts.push(&function.body);
            }
        }
    }
    found.into_values().map(str::to_owned).collect()
}

/// A text, and of a pattern of LIKE what it matches.
fn texts(text: &str) -> Vec<String> {
    if !text.contains(['%', '_']) {
        return vec![text.to_owned()];
    }
    let matching = |rest: &str| text.replace('%', rest).replace('_', "a");
    vec![text.to_owned(), matching(""), matching("a")]
}

/// A number and those beside it: what is compared by `<` is on one side.
fn numbers(number: &str) -> Vec<String> {
    let mut numbers = vec![number.to_owned()];
    if let Ok(value) = number.parse::<i64>() {
        numbers.extend([value.checked_add(1), value.checked_sub(1)].into_iter().flatten().map(|near| near.to_string()));
    }
    numbers
}

/// All names in a condition, quoted ones too.
pub fn names(sql: &str) -> BTreeSet<String> {
    let name = |token| if let Token::Name(name) = token { Some(name) } else { None };
    tokens(sql).into_iter().filter_map(name).collect()
}

enum Token {
    Name(String),
    Text(String),
    Number(String),
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' || c == '"' {
            let mut text = String::new();
            for inner in chars.by_ref() {
                if inner == c {
                    break;
                }
                text.push(inner);
            }
            tokens.push(if c == '"' { Token::Name(text) } else { Token::Text(text) });
        } else if c.is_alphanumeric() || c == '_' {
            let mut word = String::from(c);
            while let Some(next) = chars.next_if(|next| next.is_alphanumeric() || *next == '_') {
                word.push(next);
            }
            tokens.push(if word.chars().all(|c| c.is_ascii_digit()) { Token::Number(word) } else { Token::Name(word) });
        }
    }
    tokens
}

/// Without parentheses, casts and the sub-select around `auth.uid()`.
fn plain(sql: &str) -> String {
    let bare = sql.replace(['(', ')', '"'], " ").replace("::text", " ").replace("::uuid", " ");
    let words = bare.split_whitespace().filter(|word| !matches!(*word, "SELECT" | "AS" | "uid"));
    format!(" {} ", words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_seen_through_their_dress() {
        assert!(plain("(( SELECT auth.uid() AS uid) = user_id)").contains(" auth.uid = user_id "));
        let mut hints = Hints::default();
        hints.learn("((status = 'published'::text) AND (price_cents = 0))");
        assert_eq!(hints.words["status"], ["published"]);
        assert_eq!(hints.numbers["price_cents"], ["0", "1", "-1"]);
        hints.learn("((name ~~ 'zz%'::text) AND (score > 100))");
        assert!(hints.words["name"].contains(&"zz".to_owned()) && hints.numbers["score"].contains(&"101".to_owned()));
    }
}
