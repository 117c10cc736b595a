use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A table, view, materialised view, foreign or partitioned table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `COMMENT ON TABLE`.
    pub description: Option<String>,
    /// A view or a materialised view.
    pub is_view: bool,
    /// Rows can be inserted: tables always, views where PostgreSQL or a trigger makes it so.
    pub insertable: bool,
    /// Rows can be updated.
    pub updatable: bool,
    /// Rows can be deleted.
    pub deletable: bool,
    /// A rule may act when it is written to: of its own, or for a view of what it is made of.
    #[serde(default)]
    pub has_rules: bool,
    /// Primary key columns in the order of their names; for a view those of its source, as the view calls them.
    pub primary_key: Vec<String>,
    /// Sets of columns that identify a row: the primary key and unique constraints.
    pub unique_keys: Vec<Vec<String>>,
    /// Columns in their order in the table.
    #[serde(deserialize_with = "by_name", serialize_with = "values")]
    pub columns: IndexMap<String, Column>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `COMMENT ON COLUMN`.
    pub description: Option<String>,
    /// May it be null?
    pub nullable: bool,
    /// The type, domains resolved to their base where that is built in, without length.
    pub base_type: String,
    /// The type as declared, with its length.
    pub nominal_type: String,
    /// Characters at most, for `varchar(n)` and `char(n)`.
    pub max_length: Option<i32>,
    /// The expression of the default.
    pub default: Option<String>,
    /// Labels, where the type is an enum.
    pub labels: Vec<String>,
    /// Is the text output of a value enough to write it as JSON? Not for arrays, composites and types with a cast to json.
    pub plain: bool,
}

fn by_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<IndexMap<String, Column>, D::Error> {
    Ok(Vec::<Column>::deserialize(deserializer)?.into_iter().map(|c| (c.name.clone(), c)).collect())
}

fn values<S: serde::Serializer>(columns: &IndexMap<String, Column>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(columns.values())
}
