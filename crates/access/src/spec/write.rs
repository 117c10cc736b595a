//! Back to TOML: what did not change keeps its comments and its shape, so that a pull request shows a change of rights and nothing else.

use toml_edit::{Decor, DocumentMut, InlineTable, Item, Key, Table, Value};

use super::{Kind, Object, Operation, Rights, Spec};

const HEADER: &str =
    "# Who may do what. Reviewed by people, held against the database by `basalt db test`.\nversion = 1\n";

impl Spec {
    /// The file's text: as it was read, changed where the rights are no longer those of the text.
    pub fn to_toml(&self) -> String {
        let source = if self.source.trim().is_empty() { HEADER } else { &self.source };
        // The text was parsed before; an empty document stands in for the impossible.
        let mut document: DocumentMut = source.parse().unwrap_or_default();
        let before = Self::parse(source).unwrap_or_default();
        for kind in Kind::ALL {
            if let Some(section) = document.get_mut(kind.section()).and_then(Item::as_table_mut) {
                let kept: Vec<String> = section.iter().map(|(name, _)| name.to_owned()).collect();
                for name in kept.iter().filter(|name| self.object(kind, name).is_none()) {
                    section.remove(name);
                }
            }
        }
        for identity in self.identities.iter().filter(|new| before.identities.iter().all(|old| old.name != new.name)) {
            let section = document.as_table_mut().entry("identities").or_insert_with(|| {
                let mut table = Table::new();
                table.decor_mut().set_prefix("\n");
                Item::Table(table)
            });
            let mut value = InlineTable::new();
            value.insert("role", Value::from(identity.role.as_str()));
            if let Some(section) = section.as_table_mut() {
                section.insert(&identity.name, Item::Value(Value::InlineTable(value)));
            }
        }
        for object in &self.objects {
            let old = before.object(object.kind, &object.name);
            if old.is_some_and(|old| same(old, object)) {
                continue;
            }
            let section = document.as_table_mut().entry(object.kind.section()).or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            });
            let Some(section) = section.as_table_mut() else { continue };
            let entry = section.entry(&object.name).or_insert_with(|| {
                let mut table = Table::new();
                table.decor_mut().set_prefix("\n");
                Item::Table(table)
            });
            if let Some(entry) = entry.as_table_mut() {
                write(entry, object, old);
            }
        }
        document.to_string()
    }
}

fn same(old: &Object, new: &Object) -> bool {
    Object { line: 0, ..old.clone() } == Object { line: 0, ..new.clone() }
}

fn write(table: &mut Table, object: &Object, old: Option<&Object>) {
    let width = object.rights.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(7);
    if object.public != old.is_some_and(|old| old.public) {
        put(table, "public", width, Value::from(object.public));
    }
    if object.owner != old.and_then(|old| old.owner.clone()) {
        match &object.owner {
            Some(owner) => put(table, "owner", width, Value::from(owner.to_string())),
            None => drop(table.remove("owner")),
        }
    }
    if old.map_or(&[][..], |old| &old.words[..]) != object.words {
        let mut words = InlineTable::new();
        object.words.iter().for_each(|(word, sql)| drop(words.insert(word, Value::from(sql.as_str()))));
        put(table, "words", width, Value::InlineTable(words));
    }
    if old.map_or(&[][..], |old| &old.not_proven[..]) != object.not_proven {
        if object.not_proven.is_empty() {
            table.remove("not_proven");
        } else {
            put(table, "not_proven", width, Value::Array(object.not_proven.iter().map(String::as_str).collect()));
        }
    }
    for (name, _) in old.map_or(&[][..], |old| &old.rights[..]) {
        if object.entry(name).is_none() {
            table.remove(name);
        }
    }
    for (name, rights) in &object.rights {
        if old.and_then(|old| old.entry(name)) != Some(rights) {
            put(table, name, width, value(object.kind, rights));
        }
    }
}

/// Sets a value where it stands, or adds it with the names in one column.
fn put(table: &mut Table, name: &str, width: usize, value: Value) {
    if let Some(old) = table.get_mut(name).and_then(Item::as_value_mut) {
        let decor = old.decor().clone();
        *old = value;
        *old.decor_mut() = decor;
        return;
    }
    let padding = " ".repeat((width + 1).saturating_sub(name.len()).max(1));
    let key = Key::new(name).with_leaf_decor(Decor::new("", padding));
    table.insert_formatted(&key, Item::Value(value.decorated(" ", "")));
}

fn value(kind: Kind, rights: &Rights) -> Value {
    if kind == Kind::Function {
        return Value::from(if rights.execute { "execute" } else { "none" });
    }
    let mut table = InlineTable::new();
    for operation in Operation::ROWS {
        let right = rights.on(operation);
        if right.rows != super::Expr::None {
            table.insert(operation.word(), Value::from(right.to_string()));
        }
    }
    Value::InlineTable(table)
}
