//! Findings that a project takes as they are, each with its reason.

use toml_edit::{Document, Item};

use super::Finding;
use crate::Schema;

/// An entry of `[lint] allow` in `access.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// The rule's name.
    pub rule: String,
    /// `schema.table`, `schema.table.column`, a function's or role's name; `*` for all.
    pub object: String,
    /// Why it is right here.
    pub reason: String,
}

impl Allow {
    /// Reads `[lint] allow = [{ rule = "…", object = "…", reason = "…" }]`.
    ///
    /// # Errors
    /// What is not as said: an unknown rule, a missing reason.
    pub fn parse(access_toml: &str) -> Result<Vec<Self>, String> {
        let document = Document::parse(access_toml).map_err(|error| error.message().to_owned())?;
        let Some(lint) = document.get("lint") else { return Ok(Vec::new()) };
        let Some(entries) = lint.get("allow") else {
            return Err("[lint] knows one key: allow = [{ rule = …, object = …, reason = … }]".to_owned());
        };
        let entries: Vec<&dyn toml_edit::TableLike> = match entries {
            Item::Value(value) => value
                .as_array()
                .map(|array| array.iter().filter_map(toml_edit::Value::as_inline_table).map(|t| t as _).collect()),
            Item::ArrayOfTables(tables) => Some(tables.iter().map(|table| table as _).collect()),
            _ => None,
        }
        .ok_or("[lint] allow is a list of { rule = …, object = …, reason = … }")?;
        entries.into_iter().map(Self::entry).collect()
    }

    fn entry(table: &dyn toml_edit::TableLike) -> Result<Self, String> {
        let word = |key: &str| {
            let value = table.get(key).and_then(Item::as_str).map(str::trim).filter(|value| !value.is_empty());
            value.map(str::to_owned).ok_or_else(|| format!("an entry of [lint] allow needs {key} = \"…\""))
        };
        let entry = Self { rule: word("rule")?, object: word("object")?, reason: word("reason")? };
        if !super::rules::ALL.iter().any(|rule| rule.name == entry.rule) {
            return Err(format!("[lint] allow names the rule {:?}, which does not exist", entry.rule));
        }
        Ok(entry)
    }
}

/// The reason why a finding is taken as it is: an entry of `allow`, or `@access ok: REASON` in the comment of its column.
pub fn allowed_by(finding: &Finding, schema: &Schema, allow: &[Allow]) -> Option<String> {
    let object = &finding.object;
    let table = format!("{}.{}", object.schema, object.name);
    let names = |entry: &Allow| {
        entry.object == "*" || entry.object == object.path() || entry.object == table || entry.object == object.name
    };
    if let Some(entry) = allow.iter().find(|entry| entry.rule == finding.rule.name && names(entry)) {
        return Some(entry.reason.clone());
    }
    let column = schema.relation(&object.schema, &object.name)?.column(object.column.as_deref()?)?;
    let (_, reason) = column.comment.as_deref()?.split_once("@access ok:")?;
    let reason = reason.lines().next().unwrap_or_default().trim();
    (!reason.is_empty()).then(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_need_a_known_rule_and_a_reason() {
        let read = |text: &str| Allow::parse(text);
        assert_eq!(read("version = 1"), Ok(Vec::new()));
        let entry = read("[lint]\nallow = [{ rule = \"unused_index\", object = \"*\", reason = \"new\" }]").unwrap();
        assert_eq!(entry[0].reason, "new");
        assert!(read("[[lint.allow]]\nrule = \"unused_index\"\nobject = \"a.b\"\nreason = \"x\"").is_ok());
        for wrong in [
            "[lint]\nallow = [{ rule = \"unused_index\", object = \"*\" }]",
            "[lint]\nallow = [{ rule = \"no_such\", object = \"*\", reason = \"x\" }]",
            "[lint]\nallow = 1",
            "[lint]\nignore = []",
            "[lint",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
