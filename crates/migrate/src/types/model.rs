use std::collections::BTreeMap;

use serde::Deserialize;
use tokio_postgres::Client;

use super::unexpected;
use crate::Error;

/// What the printers know of the database.
pub(crate) struct Model {
    /// The schemas to describe, sorted.
    pub schemas: Vec<String>,
    pub relations: Vec<Relation>,
    pub types: BTreeMap<i64, Type>,
    pub functions: Vec<Function>,
    /// Foreign keys by (schema, relation), with the views that show their columns.
    pub references: BTreeMap<(String, String), Vec<Reference>>,
}

#[derive(Deserialize)]
pub(crate) struct Relation {
    pub schema: String,
    pub name: String,
    pub row_type: i64,
    pub is_view: bool,
    pub writable: bool,
    pub columns: Vec<Column>,
}

#[derive(Deserialize)]
pub(crate) struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub type_id: i64,
    pub not_null: bool,
    pub has_default: bool,
    /// `a` always, `d` by default, empty: none.
    pub identity: String,
    pub generated: bool,
}

#[derive(Deserialize)]
pub(crate) struct Type {
    pub id: i64,
    pub schema: String,
    pub name: String,
    /// `typtype`.
    pub kind: String,
    /// Type of the elements, 0 where it is no array.
    pub element: i64,
    /// What a domain is made of, else 0.
    pub base: i64,
    pub labels: Vec<String>,
    pub composite: bool,
    pub attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
pub(crate) struct Attribute {
    pub name: String,
    #[serde(rename = "type")]
    pub type_id: i64,
}

#[derive(Deserialize)]
pub(crate) struct Function {
    pub schema: String,
    pub name: String,
    pub returns: i64,
    pub is_set: bool,
    pub one_row: bool,
    pub defaults: usize,
    pub arguments: Vec<Argument>,
}

#[derive(Deserialize)]
pub(crate) struct Argument {
    pub name: String,
    #[serde(rename = "type")]
    pub type_id: i64,
    /// `proargmodes`: i, o, b, v, t.
    pub mode: String,
}

/// A foreign key as seen from one relation.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    pub name: String,
    pub target: String,
    pub columns: Vec<(String, String)>,
    pub one_to_one: bool,
}

#[derive(Deserialize)]
struct Answer {
    relations: Vec<Relation>,
    types: Vec<Type>,
    functions: Vec<Function>,
}

impl Function {
    /// Arguments that a caller gives, in order, and whether each may be left out.
    pub(crate) fn inputs(&self) -> Vec<(&Argument, bool)> {
        let inputs: Vec<&Argument> =
            self.arguments.iter().filter(|a| matches!(a.mode.as_str(), "i" | "b" | "v")).collect();
        let needed = inputs.len().saturating_sub(self.defaults);
        inputs.into_iter().enumerate().map(|(n, argument)| (argument, n >= needed)).collect()
    }
}

impl Model {
    pub(crate) async fn read(client: &Client, schemas: &[String]) -> Result<Self, Error> {
        let text: String = client.query_one(include_str!("model.sql"), &[&schemas]).await?.get(0);
        let answer: Answer = serde_json::from_str(&text).map_err(unexpected)?;
        let mut found = Self {
            schemas: schemas.to_vec(),
            relations: answer.relations,
            types: answer.types.into_iter().map(|t| (t.id, t)).collect(),
            functions: answer.functions,
            references: BTreeMap::new(),
        };
        found.references = references(client, schemas).await?;
        Ok(found)
    }

    pub(crate) fn relation_of_row(&self, type_id: i64) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.row_type == type_id)
    }

    pub(crate) fn is_described(&self, schema: &str) -> bool {
        self.schemas.iter().any(|s| s == schema)
    }

    /// Functions that stand beside the columns of a relation: one argument, a row of it.
    pub(crate) fn computed<'a>(&'a self, relation: &'a Relation) -> impl Iterator<Item = &'a Function> {
        self.functions.iter().filter(|function| {
            function.schema == relation.schema
                && matches!(function.inputs().as_slice(), [(only, _)] if only.type_id == relation.row_type && (!function.is_set || function.one_row))
        })
    }
}

/// The catalog of REST knows which views show the columns of a foreign key; the same relationships serve embedding.
async fn references(client: &Client, schemas: &[String]) -> Result<BTreeMap<(String, String), Vec<Reference>>, Error> {
    use catalog::{Cardinality, Relationship};
    let options = catalog::Options { schemas: schemas.to_vec(), extra_search_path: Vec::new() };
    client.batch_execute("begin transaction read only; set local search_path = ''").await?;
    let mut answers = Vec::new();
    for query in catalog::queries(&options) {
        let params = query.params.iter().map(|text| InText(text)).collect::<Vec<_>>();
        let params: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = params.iter().map(|p| p as _).collect();
        answers.push(client.query_one(query.sql, &params).await?.get::<_, String>(0));
    }
    client.batch_execute("commit").await?;
    let catalog = catalog::assemble(&options, &answers).map_err(unexpected)?;
    let mut found: BTreeMap<(String, String), Vec<Reference>> = BTreeMap::new();
    for relationship in catalog.relationships.values().flatten() {
        let Relationship::Detected { table, foreign_table, cardinality, .. } = relationship else { continue };
        let (name, columns, one_to_one) = match cardinality {
            Cardinality::ManyToOne { constraint, columns } => (constraint, columns, false),
            Cardinality::OneToOne { constraint, columns, is_parent: false } => (constraint, columns, true),
            _ => continue,
        };
        let reference =
            Reference { name: name.clone(), target: foreign_table.name.clone(), columns: columns.clone(), one_to_one };
        found.entry((table.schema.clone(), table.name.clone())).or_default().push(reference);
    }
    for list in found.values_mut() {
        list.sort();
        list.dedup();
    }
    Ok(found)
}

/// A parameter in text format, whatever type the statement wants: the queries of the catalog are made for that.
#[derive(Debug)]
struct InText<'a>(&'a str);

impl tokio_postgres::types::ToSql for InText<'_> {
    fn to_sql(
        &self,
        _: &tokio_postgres::types::Type,
        out: &mut bytes::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(tokio_postgres::types::IsNull::No)
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }

    fn encode_format(&self, _: &tokio_postgres::types::Type) -> tokio_postgres::types::Format {
        tokio_postgres::types::Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}
