//! Claims that conditions ask for.

use serde_json::Value as Json;

use super::elements;
use crate::expr::{Expr, Kind as Node};

/// Keys below `user_metadata` of a token that conditions hold against values, with these: a user writes them himself.
pub fn metadata(sql: &str) -> Vec<(Vec<String>, Json)> {
    let mut found = Vec::new();
    Expr::parse(sql).walk(&mut |node| {
        let (path, value) = match &node.kind {
            Node::Binary { operator, left, right } if matches!(operator.as_str(), "=" | "~~" | "@>" | "?") => {
                let value = |side: &Expr| match &side.bare().kind {
                    Node::Literal(Some(text)) => Some(Json::String(text.clone())),
                    Node::Boolean(value) => Some(Json::Bool(*value)),
                    _ => None,
                };
                let here = path_of(left).zip(value(right));
                match here.or_else(|| path_of(right).zip(value(left))) {
                    Some(found) => found,
                    None => return,
                }
            }
            Node::Cast { expression, type_name } if type_name == "boolean" => match path_of(expression) {
                Some(path) => (path, Json::Bool(true)),
                None => return,
            },
            _ => return,
        };
        if let [first, rest @ ..] = path.as_slice()
            && first == "user_metadata"
            && !rest.is_empty()
        {
            found.push((rest.to_vec(), value));
        }
    });
    found
}

/// The keys of `auth.jwt() -> 'a' ->> 'b'`.
fn path_of(expr: &Expr) -> Option<Vec<String>> {
    match &expr.bare().kind {
        Node::Call { schema: Some(schema), name, .. } if schema == "auth" && name == "jwt" => Some(Vec::new()),
        Node::Call { name, .. } if name == "current_setting" => Some(Vec::new()),
        Node::Call { name, arguments, .. } if matches!(name.as_str(), "lower" | "coalesce" | "nullif") => {
            path_of(arguments.first()?)
        }
        Node::Binary { operator, left, right } if operator.starts_with("->") || operator.starts_with("#>") => {
            let mut path = path_of(left)?;
            let Node::Literal(Some(key)) = &right.bare().kind else { return None };
            path.extend(if operator.starts_with('#') { elements(key) } else { vec![key.clone()] });
            Some(path)
        }
        _ => None,
    }
}
