//! Comparisons whose one side may be one of several values.

use crate::expr::{Expr, Kind as Node};

/// What a value is held against.
#[derive(Debug, Clone)]
pub struct Against {
    /// The operator, or a test (`is null`).
    pub operator: String,
    /// The other side; empty for a test.
    pub other: String,
    /// Does the value stand on the left?
    pub value_first: bool,
}

impl Against {
    /// The comparison, of this value.
    pub fn sql(&self, value: &str) -> String {
        let Self { operator, other, .. } = self;
        if other.is_empty() {
            return format!("({value}) {operator}");
        }
        if self.value_first {
            format!("({value}) {operator} ({other})")
        } else {
            format!("({other}) {operator} ({value})")
        }
    }

    /// Is it known to be false of this value?
    pub fn fails(&self, value: &Expr) -> bool {
        let text = |expr: &Expr| match &expr.bare().kind {
            Node::Literal(value) => Some(value.clone()),
            Node::Boolean(value) => Some(Some(value.to_string())),
            _ => None,
        };
        let Some(value) = text(value) else { return false };
        match self.operator.as_str() {
            "is null" => return value.is_some(),
            "is not null" => return value.is_none(),
            _ => {}
        }
        let other = Expr::parse(&self.other);
        let Some(value) = value else { return true };
        if let (Node::Other(parts), "= any") = (&other.bare().kind, self.operator.as_str()) {
            let known: Option<Vec<Option<String>>> = parts.iter().map(text).collect();
            return known.is_some_and(|known| !known.contains(&Some(value)));
        }
        let Some(Some(other)) = text(&other) else { return false };
        let numbers = value.parse::<f64>().ok().zip(other.parse::<f64>().ok());
        let (left, right) = if self.value_first { (0, 1) } else { (1, 0) };
        let compared = numbers.map(|(value, other)| ([value, other][left], [value, other][right]));
        match (self.operator.as_str(), compared) {
            ("=", _) => value != other,
            ("<>", _) => value == other,
            ("<", Some((left, right))) => left >= right,
            ("<=", Some((left, right))) => left > right,
            (">", Some((left, right))) => left <= right,
            (">=", Some((left, right))) => left < right,
            _ => false,
        }
    }
}
