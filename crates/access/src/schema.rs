//! The database as authorization sees it: read once, never changed.
//!
//! Unlike `catalog`, which holds what an API exposes, this holds what decides: policies, grants, owners, definers, keys, checks. Each part
//! is one statement in `schema/*.sql` that answers JSON in the shape of the structs here.

mod model;

use pg::tokio_postgres::Client;
use serde::de::DeserializeOwned;

pub use model::{
    Bucket, Check, Column, Command, Exclusion, Extension, ForeignKey, Function, FunctionKind, Grant, Index, Namespace,
    Policy, Relation, RelationKind, Role, Trigger, Type, TypeKind, Volatility,
};

use crate::Error;

/// Everything about one database that the checks are computed from. Lists are sorted by schema and name, so that output is stable.
#[derive(Debug, Clone)]
pub struct Schema {
    /// `server_version_num`, e.g. 150018.
    pub server_version: i32,
    /// Tables, views and the like, outside of PostgreSQL's own schemas.
    pub relations: Vec<Relation>,
    /// Functions and procedures, outside of PostgreSQL's own schemas.
    pub functions: Vec<Function>,
    /// Enums, domains and composites.
    pub types: Vec<Type>,
    /// All roles but PostgreSQL's own.
    pub roles: Vec<Role>,
    /// Schemas that are not PostgreSQL's own.
    pub namespaces: Vec<Namespace>,
    /// Extensions.
    pub extensions: Vec<Extension>,
    /// Rows of `storage.buckets`.
    pub buckets: Vec<Bucket>,
}

impl Schema {
    /// Reads it in one snapshot. `client` needs to see all catalogs; a superuser or the owner does.
    pub async fn read(client: &Client) -> Result<Self, Error> {
        client.batch_execute("begin isolation level repeatable read read only; set local search_path = ''").await?;
        let schema = Self::read_snapshot(client).await;
        client.batch_execute("rollback").await?;
        schema
    }

    /// This one with relations, policies and grants read anew, in the caller's transaction: all that a policy or a grant can change.
    /// `client` needs an empty `search_path`, so that names are written out.
    pub async fn with_relations_of(&self, client: &Client) -> Result<Self, Error> {
        let relations = part(client, "relations", include_str!("schema/relations.sql")).await?;
        Ok(Self { relations, ..self.clone() })
    }

    async fn read_snapshot(client: &Client) -> Result<Self, Error> {
        let version = client.query_one("select current_setting('server_version_num')::int", &[]).await?;
        let has_buckets: bool =
            client.query_one("select to_regclass('storage.buckets') is not null", &[]).await?.get(0);
        Ok(Self {
            server_version: version.get(0),
            relations: part(client, "relations", include_str!("schema/relations.sql")).await?,
            functions: part(client, "functions", include_str!("schema/functions.sql")).await?,
            types: part(client, "types", include_str!("schema/types.sql")).await?,
            roles: part(client, "roles", include_str!("schema/roles.sql")).await?,
            namespaces: part(client, "namespaces", include_str!("schema/namespaces.sql")).await?,
            extensions: part(client, "extensions", include_str!("schema/extensions.sql")).await?,
            buckets: match has_buckets {
                true => part(client, "buckets", include_str!("schema/buckets.sql")).await?,
                false => Vec::new(),
            },
        })
    }

    /// The relation of that name.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.schema == schema && relation.name == name)
    }

    /// The relation that a person names: with its schema or in `public`, in double quotes or not. Where a name has a point of its own and
    /// no quotes, what there is decides.
    pub fn written(&self, name: &str) -> Option<&Relation> {
        let found = match name_parts(name).as_slice() {
            [space, table] => self.relation(space, table),
            [table] => self.relation("public", table),
            _ => None,
        };
        let plain = || name.split_once('.').and_then(|(space, table)| self.relation(space, table));
        found.or_else(|| self.relation("public", name)).or_else(plain)
    }

    /// The role of that name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }

    /// The project's own relations: not the platform's, not an extension's.
    pub fn user_relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.iter().filter(|relation| relation.extension.is_none() && !is_platform(&relation.schema))
    }
}

/// The parts of `schema."My Table"`, without their quotes; a doubled quote is one.
pub fn name_parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                parts.last_mut().into_iter().for_each(|part| part.push('"'));
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => parts.last_mut().into_iter().for_each(|part| part.push(c)),
        }
    }
    parts
}

/// Schemas that the platform brings, which the project's migrations do not make.
pub fn is_platform(schema: &str) -> bool {
    const PLATFORM: &[&str] = &[
        "_analytics",
        "_basalt",
        "_realtime",
        "auth",
        "cron",
        "extensions",
        "graphql",
        "graphql_public",
        "net",
        "pgbouncer",
        "pgmq",
        "pgsodium",
        "pgsodium_masks",
        "pgtle",
        "realtime",
        "storage",
        "supabase_functions",
        "supabase_migrations",
        "tiger",
        "tiger_data",
        "topology",
        "vault",
    ];
    PLATFORM.contains(&schema)
}

async fn part<T: DeserializeOwned>(client: &Client, what: &'static str, sql: &str) -> Result<Vec<T>, Error> {
    let rows = client.query(sql, &[]).await?;
    let read = |row: &pg::tokio_postgres::Row| {
        serde_json::from_str(row.get::<_, &str>(0)).map_err(|source| Error::Catalog { what, source })
    };
    rows.iter().map(read).collect()
}
