//! Values in conditions, as far as they are known.

use serde_json::Value as Json;

use super::{Names, Needs, Reader, Scopes, Term, elements, text_of};
use crate::expr::{Expr, Kind as Node};
use crate::matrix::draft::place;

impl Reader<'_, '_> {
    /// What an expression stands for.
    pub(super) fn term(&mut self, expr: &Expr, scopes: &mut Scopes) -> Term {
        match &expr.kind {
            Node::Cast { expression, .. } => self.term(expression, scopes),
            Node::Literal(value) => Term::Value(value.clone()),
            Node::Boolean(value) => Term::Value(Some(value.to_string())),
            Node::Column { relation, name } => lookup(&self.needs, scopes, relation.as_deref(), name),
            Node::Other(parts) if !parts.is_empty() => {
                Term::List(parts.iter().map(|part| self.term(part, scopes)).collect())
            }
            Node::Call { schema, name, arguments } => match (schema.as_deref(), name.as_str()) {
                (Some("auth"), "uid") => Term::Value(self.person.uid.clone()),
                (Some("auth"), "email") => Term::Value(self.person.email.clone()),
                (Some("auth"), "role") => Term::Value(text_of(&self.claims["role"])),
                (Some("auth"), "jwt") => Term::Known(self.claims.clone()),
                (_, "current_setting") => match arguments.first().map(|argument| self.term(argument, scopes)) {
                    Some(Term::Value(Some(name))) if name == "request.jwt.claims" => Term::Known(self.claims.clone()),
                    Some(Term::Value(Some(name))) if name == "basalt.uid" => Term::Value(self.person.uid.clone()),
                    _ => Term::Other,
                },
                (None, "now" | "current_timestamp" | "localtimestamp" | "current_date" | "clock_timestamp") => {
                    Term::Now
                }
                (_, "lower" | "upper" | "btrim" | "trim" | "coalesce" | "nullif") if !arguments.is_empty() => {
                    match (self.term(&arguments[0], scopes), name.as_str()) {
                        (Term::Value(Some(text)), "lower") => Term::Value(Some(text.to_lowercase())),
                        (Term::Value(Some(text)), "upper") => Term::Value(Some(text.to_uppercase())),
                        (term, _) => term,
                    }
                }
                (None, "jsonb_build_object" | "json_build_object") => {
                    let mut object = serde_json::Map::new();
                    for pair in arguments.chunks(2) {
                        let [key, value] = pair else { return Term::Other };
                        match (self.term(key, scopes), self.term(value, scopes)) {
                            (Term::Value(Some(key)), Term::Value(Some(value))) => {
                                object.insert(key, Json::String(value));
                            }
                            (Term::Value(Some(key)), Term::Known(json)) => {
                                object.insert(key, json);
                            }
                            _ => return Term::Other,
                        }
                    }
                    Term::Value(Some(Json::Object(object).to_string()))
                }
                (None, "to_jsonb" | "jsonb_build_array") => {
                    match arguments.first().map(|first| self.term(first, scopes)) {
                        Some(Term::Value(Some(value))) if name == "to_jsonb" => Term::Known(Json::String(value)),
                        Some(Term::Value(Some(value))) => Term::Value(Some(Json::from(vec![value]).to_string())),
                        _ => Term::Other,
                    }
                }
                _ => Term::Other,
            },
            Node::Select(select) => {
                let mut found = Term::Other;
                self.enter(select, scopes, |reader, scopes| {
                    if let Some(output) = select.outputs.first() {
                        found = reader.term(output, scopes);
                    }
                });
                found
            }
            Node::Binary { operator, left, right } => self.operation(operator, left, right, scopes),
            _ => Term::Other,
        }
    }

    fn operation(&mut self, operator: &str, left: &Expr, right: &Expr, scopes: &mut Scopes) -> Term {
        let (left, right) = (self.term(left, scopes), self.term(right, scopes));
        match (operator, left, right) {
            ("->" | "->>" | "#>" | "#>>", left, Term::Value(Some(key))) => {
                let keys = if operator.starts_with('#') { elements(&key) } else { vec![key] };
                match left {
                    Term::Known(mut json) => {
                        for key in &keys {
                            json = json.get(key.as_str()).cloned().unwrap_or(Json::Null);
                        }
                        if operator.ends_with(">>") { Term::Value(text_of(&json)) } else { Term::Known(json) }
                    }
                    Term::Cell(cell) => Term::Path(cell, keys),
                    Term::Path(cell, mut path) => {
                        path.extend(keys);
                        Term::Path(cell, path)
                    }
                    _ => Term::Other,
                }
            }
            // So much later or earlier: far from now is far from that.
            ("+" | "-", Term::Now, _) => Term::Now,
            ("||", Term::Value(Some(left)), Term::Value(Some(right))) => Term::Value(Some(left + &right)),
            _ => Term::Other,
        }
    }
}

/// What a name stands for, inner scopes first.
fn lookup(needs: &Needs<'_>, scopes: &Scopes, relation: Option<&str>, name: &str) -> Term {
    for (handle, names) in scopes.iter().rev().flatten() {
        if relation.is_some_and(|relation| relation != handle) {
            continue;
        }
        match names {
            Names::Row(row) => {
                if let Some(column) = place(needs.rows[*row].relation, name) {
                    return Term::Cell((*row, column));
                }
            }
            Names::Answers(answers) => {
                let named = answers.iter().find(|(known, _)| known.as_deref() == Some(name));
                // The names that a list behind the alias gives are not known.
                let only = if let [one] = answers.as_slice() { Some(one) } else { None };
                if let Some((_, term)) = named.or_else(|| only.filter(|_| relation.is_some())) {
                    return term.clone();
                }
            }
            Names::Given(terms) => {
                let number = name.strip_prefix('p').and_then(|number| number.parse::<usize>().ok());
                if let Some(term) = number.and_then(|number| terms.get(number.checked_sub(1)?)) {
                    return term.clone();
                }
            }
        }
    }
    Term::Other
}
