//! Comparisons, each operator in its own way.

use super::{Reader, Term, array};
use serde_json::Value as Json;

/// Far ahead and long ago.
const LATER: &str = "2199-01-01";
const EARLIER: &str = "1901-01-01";

impl Reader<'_, '_> {
    /// Makes `left operator right` hold, as far as it is understood.
    pub(super) fn hold(&mut self, operator: &str, left: Term, right: Term) {
        match operator {
            "=" | "is not distinct from" => self.equal(left, right),
            "<>" | "is distinct from" => {
                for (cell, value) in [(&left, &right), (&right, &left)] {
                    if let (Term::Cell(at), Term::Value(Some(value))) = (cell, value) {
                        let other = match self.column(*at).base_type.as_str() {
                            "bool" => Some(if value.starts_with('t') { "false" } else { "true" }.to_owned()),
                            _ => None,
                        };
                        match other {
                            Some(other) => self.set(cell, Some(other)),
                            None => self.fill(cell),
                        }
                    }
                }
            }
            "<" | "<=" | ">" | ">=" => {
                let flipped = match operator {
                    "<" => ">",
                    "<=" => ">=",
                    ">" => "<",
                    _ => "<=",
                };
                self.side(&left, operator, &right);
                self.side(&right, flipped, &left);
            }
            "~~" | "~~*" | "like" | "ilike" => {
                if let Term::Value(Some(pattern)) = right {
                    self.equal(left, Term::Value(Some(pattern.replace('%', "").replace('_', "a"))));
                }
            }
            "~" | "~*" => {
                if let Term::Value(Some(pattern)) = right {
                    let text = pattern.trim_start_matches('^').trim_end_matches('$').replace("\\.", ".");
                    if !text.contains(['[', '(', '*', '+', '?', '|', '\\', '{']) {
                        self.equal(left, Term::Value(Some(text)));
                    }
                }
            }
            "@>" | "&&" => match (&left, &right) {
                (Term::Cell(_), _) => self.contain(left, right),
                (_, Term::Cell(_)) if operator == "&&" => self.contain(right, left),
                _ => {}
            },
            "<@" => match (&left, &right) {
                (_, Term::Cell(_)) => self.contain(right, left),
                (Term::Cell(_), _) => self.contain(left, right),
                _ => {}
            },
            "<<" | "<<=" | ">>" | ">>=" => {
                for (cell, value) in [(&left, &right), (&right, &left)] {
                    if let (Term::Cell(at), Term::Value(Some(value))) = (cell, value)
                        && matches!(self.column(*at).base_type.as_str(), "inet" | "cidr")
                    {
                        let inner = (operator.starts_with('<')) == std::ptr::eq(cell, &left);
                        let address = value.split('/').next().unwrap_or(value).to_owned();
                        self.set(cell, Some(if inner { address } else { "0.0.0.0/0".to_owned() }));
                    }
                }
            }
            "?" => {
                if let (Term::Cell(_) | Term::Path(..), Term::Value(Some(key))) = (&left, right) {
                    let (cell, mut path) = match left {
                        Term::Path(cell, path) => (cell, path),
                        Term::Cell(cell) => (cell, Vec::new()),
                        _ => return,
                    };
                    path.push(key);
                    self.put(cell, &path, Json::Bool(true));
                }
            }
            _ => {}
        }
    }

    /// `cell operator value`.
    fn side(&mut self, cell: &Term, operator: &str, value: &Term) {
        let (more, strict) = (operator.starts_with('>'), operator.len() == 1);
        let is_time = matches!(cell, Term::Cell(at) if self.column(*at).category == "D");
        let value = match value {
            Term::Now => (if more { LATER } else { EARLIER }).to_owned(),
            Term::Value(Some(_)) if is_time => (if more { LATER } else { EARLIER }).to_owned(),
            Term::Value(Some(text)) => match (text.parse::<i64>(), strict) {
                (Ok(number), true) => number.saturating_add(if more { 1 } else { -1 }).to_string(),
                (Ok(number), false) => number.to_string(),
                _ => return,
            },
            _ => return,
        };
        self.equal(cell.clone(), Term::Value(Some(value)));
    }

    /// Makes an array, range or JSON document hold something.
    pub(super) fn contain(&mut self, whole: Term, part: Term) {
        let Term::Cell(at) = whole else { return };
        let column = self.column(at);
        let value = match (column.category.as_str(), part) {
            ("A", Term::List(parts)) => {
                let known =
                    parts.into_iter().filter_map(|part| if let Term::Value(value) = part { value } else { None });
                Some(array(&known.collect::<Vec<_>>()))
            }
            ("A", Term::Value(value)) => value,
            ("R", Term::Now) => Some(format!("[{EARLIER},{LATER})")),
            ("R", Term::Value(Some(value))) if value.starts_with(['[', '(']) => Some(value),
            ("R", Term::Value(Some(value))) => Some(format!("[{value},{value}]")),
            (_, Term::Value(value)) if matches!(column.base_type.as_str(), "jsonb" | "json" | "hstore") => value,
            _ => None,
        };
        if value.is_some() {
            self.set(&Term::Cell(at), value);
        }
    }
}
