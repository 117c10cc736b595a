//! Do the names of the file exist?

use super::{Error, Kind, Object, Operation, Owner, Spec};
use crate::Schema;
use crate::matrix::roles_of;
use crate::schema::Relation;

impl Spec {
    /// Holds every name against the database: tables, views, functions, buckets, columns, roles. SQL of words is tried by the matrix.
    ///
    /// # Errors
    /// All that is wrong, in the order of the file.
    pub fn check(&self, schema: &Schema) -> Result<(), Vec<Error>> {
        let mut errors = Vec::new();
        for identity in &self.identities {
            let mut wrong = |message| errors.push(Error { line: identity.line, message });
            if schema.role(&identity.role).is_none() {
                wrong(format!("there is no role {:?}", identity.role));
            } else if schema.role("authenticator").is_some()
                && !roles_of(schema, "authenticator").contains(&identity.role)
            {
                wrong(format!(
                    "requests cannot be made as {:?}: `authenticator` is not in it (a migration says: grant {} to authenticator)",
                    identity.role,
                    pg::ident(&identity.role)
                ));
            }
            for profile in &identity.profile {
                let name = format!("{}.{}", profile.schema, profile.table);
                match schema.relation(&profile.schema, &profile.table) {
                    None => wrong(format!("there is no table {name}")),
                    Some(table) if table.column(&profile.column).is_none() => wrong(no_column(table, &profile.column)),
                    Some(_) => {}
                }
            }
            let users = schema.relation("auth", "users");
            for (column, _) in &identity.auth {
                if users.is_some_and(|users| users.column(column).is_none()) {
                    wrong(format!("auth.users has no column {column:?}"));
                }
            }
        }
        for object in &self.objects {
            let wrong = |message| Error { line: object.line, message };
            errors.extend(object_errors(object, schema).into_iter().map(wrong));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

fn object_errors(object: &Object, schema: &Schema) -> Vec<String> {
    let name = &object.name;
    let known = match object.kind {
        Kind::Function => {
            schema.functions.iter().any(|function| format!("{}.{}", function.schema, function.name) == *name)
        }
        Kind::Bucket => schema.buckets.iter().any(|bucket| bucket.id == *name),
        Kind::Table | Kind::View => relation(schema, name).is_some(),
    };
    if !known {
        return vec![format!("there is no {} {name}", object.kind.word())];
    }
    let found = match object.kind {
        Kind::Function => return Vec::new(),
        Kind::Bucket => schema.relation("storage", "objects"),
        Kind::Table | Kind::View => relation(schema, name),
    };
    let Some(table) = found else { return Vec::new() };
    let mut errors = Vec::new();
    if object.kind == Kind::Table && !table.is_table() || object.kind == Kind::View && table.is_table() {
        errors.push(format!("{name} is no {}", object.kind.word()));
    }
    for policy in object.not_proven.iter().filter(|name| !table.policies.iter().any(|known| known.name == **name)) {
        errors.push(format!("not_proven: {name} has no policy {policy:?}"));
    }
    if let Some(owner) = &object.owner {
        errors.extend(owner_error(owner, table, schema));
    }
    for (identity, rights) in &object.rights {
        for operation in Operation::ROWS {
            for column in rights.on(operation).columns.iter().flatten() {
                if table.column(column).is_none() {
                    errors.push(format!("{identity}, {}: {}", operation.word(), no_column(table, column)));
                }
            }
        }
    }
    errors
}

fn owner_error(owner: &Owner, table: &Relation, schema: &Schema) -> Option<String> {
    if table.column(&owner.column).is_none() {
        return Some(no_column(table, &owner.column));
    }
    owner.steps.iter().find_map(|(of, name, column)| match schema.relation(of, name) {
        None => Some(format!("owner: there is no table {of}.{name}")),
        Some(next) => next.column(column).is_none().then(|| no_column(next, column)),
    })
}

fn relation<'s>(schema: &'s Schema, name: &str) -> Option<&'s Relation> {
    schema.relations.iter().find(|relation| format!("{}.{}", relation.schema, relation.name) == name)
}

fn no_column(table: &Relation, column: &str) -> String {
    let known: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
    format!("{}.{} has no column {column:?}; it has {}", table.schema, table.name, known.join(", "))
}
