//! The nouns of [`super::Schema`].

use serde::Deserialize;

/// A table, view or the like.
#[derive(Debug, Clone, Deserialize)]
pub struct Relation {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// Its owner's name.
    pub owner: String,
    /// The extension that it belongs to.
    pub extension: Option<String>,
    /// Is row-level security enabled?
    pub rls: bool,
    /// Does it also bind the owner (`FORCE ROW LEVEL SECURITY`)?
    pub force_rls: bool,
    /// A view's `security_invoker`: its tables are read with the rights of whoever asks.
    pub security_invoker: bool,
    /// A view's `security_barrier`.
    pub security_barrier: bool,
    /// A view's query, with every name qualified.
    pub definition: Option<String>,
    /// `oid`s of what a view's query reads, relations only.
    pub reads: Vec<u32>,
    /// Is it a partition of another table? That table's `oid`.
    pub partition_of: Option<u32>,
    /// What a partition holds (`pg_get_partition_constraintdef`).
    pub partition_constraint: Option<String>,
    /// Planner's estimate of its rows; -1 when never analysed.
    pub estimated_rows: f32,
    /// In the order of their numbers.
    pub columns: Vec<Column>,
    /// Primary and unique keys are here too.
    pub indexes: Vec<Index>,
    /// Those that point away from it.
    pub foreign_keys: Vec<ForeignKey>,
    /// `CHECK` constraints.
    pub checks: Vec<Check>,
    /// `EXCLUDE` constraints.
    pub exclusions: Vec<Exclusion>,
    /// Policies, also where row-level security is off.
    pub policies: Vec<Policy>,
    /// The user's triggers; PostgreSQL's own for keys are left out.
    pub triggers: Vec<Trigger>,
    /// Privileges on the whole relation.
    pub grants: Vec<Grant>,
}

impl Relation {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of the primary key; empty without one.
    pub fn primary_key(&self) -> &[String] {
        self.indexes.iter().find(|index| index.primary).map_or(&[], |index| &index.columns)
    }

    /// `schema.name`, quoted for SQL.
    pub fn sql(&self) -> String {
        pg::qualified(&self.schema, &self.name)
    }

    /// Does it store rows of its own that may be written? (Tables, also partitioned ones.)
    pub fn is_table(&self) -> bool {
        matches!(self.kind, RelationKind::Table | RelationKind::Partitioned)
    }
}

/// `pg_class.relkind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// An ordinary table.
    Table,
    /// A partitioned table.
    Partitioned,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    Foreign,
}

/// A column.
#[derive(Debug, Clone, Deserialize)]
pub struct Column {
    /// `attnum`.
    pub number: i16,
    /// Its name.
    pub name: String,
    /// `format_type`, with length and schema: text for a cast.
    pub type_sql: String,
    /// `oid` of its type.
    pub type_oid: u32,
    /// Name of the innermost type in `pg_type`, through domains: `int4`, `text`, `_text`, `status`.
    pub base_type: String,
    /// `typcategory` of the innermost type, e.g. `N` numeric, `S` string, `A` array, `E` enum.
    pub category: String,
    /// `atttypmod` of the column or its domain; -1 for none.
    pub type_modifier: i32,
    /// `NOT NULL`, of the column or its domain.
    pub not_null: bool,
    /// The default's SQL.
    pub default: Option<String>,
    /// `GENERATED … AS IDENTITY`: `a` always, `d` by default.
    pub identity: Option<String>,
    /// The expression of `GENERATED … STORED`.
    pub generated: Option<String>,
    /// Privileges on this column alone.
    pub grants: Vec<Grant>,
    /// Its comment.
    pub comment: Option<String>,
}

/// One privilege of one role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Grant {
    /// A role's name; `public` for everybody.
    pub grantee: String,
    /// `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, `REFERENCES`, `TRIGGER`, `EXECUTE`.
    pub privilege: String,
}

/// An index.
#[derive(Debug, Clone, Deserialize)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Plain columns in order; an expression is an empty string here and in `definition`.
    pub columns: Vec<String>,
    /// `pg_get_indexdef`.
    pub definition: String,
    /// Access method, e.g. `btree`.
    pub method: String,
    /// Unique?
    pub unique: bool,
    /// `NULLS NOT DISTINCT`?
    pub nulls_not_distinct: bool,
    /// The primary key?
    pub primary: bool,
    /// The constraint that it serves.
    pub constraint: Option<String>,
    /// Of a partial index.
    pub predicate: Option<String>,
    /// Usable?
    pub valid: bool,
    /// Scans since statistics were reset.
    pub scans: i64,
}

/// A foreign key.
#[derive(Debug, Clone, Deserialize)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// Columns of the referencing table.
    pub columns: Vec<String>,
    /// Schema of the referenced table.
    pub target_schema: String,
    /// Name of the referenced table.
    pub target_table: String,
    /// `oid` of the referenced table.
    pub target: u32,
    /// The referenced columns, in the same order.
    pub target_columns: Vec<String>,
    /// The unique index that it leans on, by name.
    pub target_index: Option<String>,
    /// `NO ACTION`, `RESTRICT`, `CASCADE`, `SET NULL`, `SET DEFAULT`.
    pub on_delete: String,
    /// Likewise.
    pub on_update: String,
    /// May it be deferred?
    pub deferrable: bool,
}

/// A `CHECK` constraint.
#[derive(Debug, Clone, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The condition, without `CHECK`.
    pub expression: String,
    /// The columns that it reads.
    pub columns: Vec<String>,
    /// Are old rows known to satisfy it?
    pub validated: bool,
}

/// An `EXCLUDE` constraint.
#[derive(Debug, Clone, Deserialize)]
pub struct Exclusion {
    /// Its name.
    pub name: String,
    /// `pg_get_constraintdef`.
    pub definition: String,
    /// The columns that it reads.
    pub columns: Vec<String>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Policy {
    /// Its name, unique on its table.
    pub name: String,
    /// `PERMISSIVE` (any one lets in) or `RESTRICTIVE` (each must let in).
    pub permissive: bool,
    /// What it is for.
    pub command: Command,
    /// Roles that it binds; `public` for all.
    pub roles: Vec<String>,
    /// `USING`, as PostgreSQL prints it.
    pub using: Option<String>,
    /// `WITH CHECK`, as PostgreSQL prints it.
    pub check: Option<String>,
    /// `oid`s of relations that the two expressions read.
    pub reads: Vec<u32>,
    /// `oid`s of functions that they call.
    pub calls: Vec<u32>,
    /// Columns of its own table that they read.
    pub columns: Vec<String>,
}

/// What a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// `FOR ALL`.
    All,
    /// `FOR SELECT`.
    Select,
    /// `FOR INSERT`.
    Insert,
    /// `FOR UPDATE`.
    Update,
    /// `FOR DELETE`.
    Delete,
}

/// A trigger of the user's.
#[derive(Debug, Clone, Deserialize)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// `pg_get_triggerdef`.
    pub definition: String,
    /// The function that it calls.
    pub function: u32,
    /// Is it enabled?
    pub enabled: bool,
}

/// A function or procedure.
#[derive(Debug, Clone, Deserialize)]
pub struct Function {
    /// `pg_proc.oid`.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `pg_get_function_identity_arguments`.
    pub arguments: String,
    /// Type names of its input arguments, for casts.
    pub argument_types: Vec<String>,
    /// Names of its input arguments; empty where unnamed.
    pub argument_names: Vec<String>,
    /// How many of the last ones have a default.
    pub defaults: i16,
    /// `pg_get_function_result`.
    pub result: String,
    /// What it is.
    pub kind: FunctionKind,
    /// `sql`, `plpgsql`, `c`, `internal` …
    pub language: String,
    /// Runs with its owner's rights?
    pub security_definer: bool,
    /// Volatile, stable or immutable.
    pub volatility: Volatility,
    /// Below the security barrier of views and policies?
    pub leakproof: bool,
    /// `SET` clauses, `name=value`.
    pub settings: Vec<String>,
    /// Its owner's name.
    pub owner: String,
    /// The extension that it belongs to.
    pub extension: Option<String>,
    /// Its source text (of a new-style SQL body: as PostgreSQL prints it).
    pub body: String,
    /// Who may call it. PostgreSQL's default of `public` is spelled out.
    pub grants: Vec<Grant>,
}

impl Function {
    /// `schema.name(arguments)`, for people.
    pub fn signature(&self) -> String {
        format!("{}.{}({})", self.schema, self.name, self.arguments)
    }
}

/// `pg_proc.prokind`, with triggers told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionKind {
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// A window function.
    Window,
    /// A function for triggers or event triggers.
    Trigger,
}

/// `pg_proc.provolatile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// May change the database.
    Volatile,
    /// The same within a statement.
    Stable,
    /// The same for ever.
    Immutable,
}

/// An enum, domain or composite type.
#[derive(Debug, Clone, Deserialize)]
pub struct Type {
    /// `pg_type.oid`.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TypeKind,
    /// An enum's labels in order.
    pub labels: Vec<String>,
    /// A domain's base type or a range's element type, for a cast.
    pub base: Option<String>,
    /// A composite's parts: name and type.
    pub attributes: Vec<(String, String)>,
    /// A domain's `CHECK` conditions, over `VALUE`.
    pub checks: Vec<String>,
}

/// `pg_type.typtype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// An enum.
    Enum,
    /// A domain.
    Domain,
    /// A composite type that is no table's.
    Composite,
    /// A range.
    Range,
}

/// A role.
#[derive(Debug, Clone, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Superuser?
    pub superuser: bool,
    /// May it log in?
    pub login: bool,
    /// Does row-level security not bind it?
    pub bypass_rls: bool,
    /// Does it use the rights of roles that it is in without `SET ROLE`?
    pub inherit: bool,
    /// Roles that it is directly in.
    pub member_of: Vec<String>,
}

/// A schema in PostgreSQL's sense.
#[derive(Debug, Clone, Deserialize)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its owner's name.
    pub owner: String,
    /// `USAGE` and `CREATE`.
    pub grants: Vec<Grant>,
}

/// An extension.
#[derive(Debug, Clone, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// The schema of its objects.
    pub schema: String,
    /// The version that is installed.
    pub version: String,
    /// The version that would be installed now.
    pub default_version: Option<String>,
}

/// A row of `storage.buckets`.
#[derive(Debug, Clone, Deserialize)]
pub struct Bucket {
    /// Its id, which is its name in paths.
    pub id: String,
    /// Readable by URL by everybody?
    pub public: bool,
}
