//! What several rules need, computed once.

use std::collections::{HashMap, HashSet};

use super::{Context, Hit, Object};
use crate::Schema;
use crate::expr::{Expr, tokens};
use crate::schema::{Command, Function, FunctionKind, Grant, Policy, Relation, RelationKind, is_platform};

/// The schema, the context, and what is computed of both.
pub struct Facts<'a> {
    /// The database.
    pub schema: &'a Schema,
    /// The project.
    pub context: &'a Context,
    /// Roles that a request may have and that row-level security binds: `anon`, `authenticated` and the project's own.
    pub callers: Vec<&'a str>,
    /// Policies of the project, also those on `storage.objects` and `realtime.messages`.
    pub policies: Vec<PolicyFacts<'a>>,
    relations: HashMap<u32, &'a Relation>,
    functions: HashMap<u32, &'a Function>,
    /// Role → itself, `public`, and the roles whose rights it has without SET ROLE.
    groups: HashMap<&'a str, HashSet<&'a str>>,
    /// Functions that ask who is calling, directly or through another.
    caller_functions: HashSet<(&'a str, &'a str)>,
}

/// A policy with its conditions as trees.
pub struct PolicyFacts<'a> {
    /// Its table.
    pub table: &'a Relation,
    /// Itself.
    pub policy: &'a Policy,
    /// `USING`.
    pub using: Option<Clause<'a>>,
    /// `WITH CHECK`.
    pub check: Option<Clause<'a>>,
}

/// A condition.
pub struct Clause<'a> {
    /// As PostgreSQL prints it.
    pub sql: &'a str,
    /// Read.
    pub expr: Expr,
}

impl<'a> PolicyFacts<'a> {
    fn new(table: &'a Relation, policy: &'a Policy) -> Self {
        let clause = |sql: &'a Option<String>| sql.as_deref().map(|sql| Clause { sql, expr: Expr::parse(sql) });
        Self { table, policy, using: clause(&policy.using), check: clause(&policy.check) }
    }

    /// Is it for this command? (`FOR ALL` is for each.)
    pub fn covers(&self, command: Command) -> bool {
        self.policy.command == Command::All || self.policy.command == command
    }

    /// What a new row must satisfy: `WITH CHECK`, or `USING` where there is none.
    pub fn new_row(&self) -> Option<&Clause<'a>> {
        let writes = !matches!(self.policy.command, Command::Select | Command::Delete);
        self.check.as_ref().or(self.using.as_ref()).filter(|_| writes)
    }

    /// `USING` and `WITH CHECK`, those that there are.
    pub fn clauses(&self) -> impl Iterator<Item = &Clause<'a>> {
        self.using.iter().chain(&self.check)
    }

    /// The policy as an object of findings.
    pub fn object(&self) -> Object {
        Object { policy: Some(self.policy.name.clone()), ..relation_object(self.table) }
    }

    /// A finding about it.
    pub fn hit(&self, detail: String) -> Hit {
        let Relation { schema, name, .. } = self.table;
        let key = format!("{schema}_{name}_{}", self.policy.name);
        Hit { object: self.object(), detail, key, ..Hit::default() }
    }

    /// `ALTER POLICY … ON …` with the conditions given.
    pub fn alter(&self, using: Option<&str>, check: Option<&str>) -> String {
        let mut sql = format!("alter policy {} on {}", pg::ident(&self.policy.name), self.table.sql());
        if let Some(using) = using {
            sql += &format!("\n  using ({using})");
        }
        if let Some(check) = check {
            sql += &format!("\n  with check ({check})");
        }
        sql + ";"
    }
}

/// A relation as an object of findings.
pub fn relation_object(relation: &Relation) -> Object {
    Object {
        kind: match relation.kind {
            RelationKind::Table | RelationKind::Partitioned => "table",
            RelationKind::View => "view",
            RelationKind::MaterializedView => "materialized view",
            RelationKind::Foreign => "foreign table",
        },
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        ..Object::default()
    }
}

/// A finding about a relation.
pub fn relation_hit(relation: &Relation, detail: String) -> Hit {
    let key = format!("{}_{}", relation.schema, relation.name);
    Hit { object: relation_object(relation), detail, key, ..Hit::default() }
}

/// A finding about a function.
pub fn function_hit(function: &Function, detail: String) -> Hit {
    let object =
        Object { kind: "function", schema: function.schema.clone(), name: function.name.clone(), ..Object::default() };
    Hit {
        object,
        detail,
        key: format!("{}_{}({})", function.schema, function.name, function.arguments),
        ..Hit::default()
    }
}

/// `function schema.name(arguments)`, quoted for ALTER, GRANT and REVOKE.
pub fn function_sql(function: &Function) -> String {
    let kind = if function.kind == FunctionKind::Procedure { "procedure" } else { "function" };
    format!("{kind} {}({})", pg::qualified(&function.schema, &function.name), function.arguments)
}

impl<'a> Facts<'a> {
    /// Computes them.
    pub fn new(schema: &'a Schema, context: &'a Context) -> Self {
        let groups: HashMap<_, _> =
            schema.roles.iter().map(|role| (role.name.as_str(), groups_of(schema, &role.name))).collect();
        let mut facts = Self {
            schema,
            context,
            callers: callers(schema),
            policies: Vec::new(),
            relations: schema.relations.iter().map(|relation| (relation.oid, relation)).collect(),
            functions: schema.functions.iter().map(|function| (function.oid, function)).collect(),
            groups,
            caller_functions: caller_functions(schema),
        };
        let with_policies = schema.relations.iter().filter(|relation| {
            let path = (relation.schema.as_str(), relation.name.as_str());
            facts.is_ours(&relation.schema, relation.extension.as_ref())
                || matches!(path, ("storage", "objects") | ("realtime", "messages")) && context.only.is_empty()
        });
        facts.policies = with_policies
            .flat_map(|relation| relation.policies.iter().map(move |policy| PolicyFacts::new(relation, policy)))
            .collect();
        facts
    }

    /// Is a schema the project's, and among those that findings are about?
    pub fn is_ours(&self, schema: &str, extension: Option<&String>) -> bool {
        let only = &self.context.only;
        extension.is_none() && !is_platform(schema) && (only.is_empty() || only.iter().any(|name| name == schema))
    }

    /// The project's relations.
    pub fn ours(&self) -> impl Iterator<Item = &'a Relation> {
        self.schema.relations.iter().filter(|relation| self.is_ours(&relation.schema, relation.extension.as_ref()))
    }

    /// The project's tables.
    pub fn tables(&self) -> impl Iterator<Item = &'a Relation> {
        self.ours().filter(|relation| relation.is_table())
    }

    /// The project's functions.
    pub fn our_functions(&self) -> impl Iterator<Item = &'a Function> {
        self.schema.functions.iter().filter(|function| self.is_ours(&function.schema, function.extension.as_ref()))
    }

    /// The relation with that `oid`.
    pub fn relation(&self, oid: u32) -> Option<&'a Relation> {
        self.relations.get(&oid).copied()
    }

    /// The function with that `oid`.
    pub fn function(&self, oid: u32) -> Option<&'a Function> {
        self.functions.get(&oid).copied()
    }

    /// Policies of one relation.
    pub fn policies_of(&self, relation: &Relation) -> impl Iterator<Item = &PolicyFacts<'a>> {
        let oid = relation.oid;
        self.policies.iter().filter(move |policy| policy.table.oid == oid)
    }

    /// Does the API serve this schema?
    pub fn is_exposed(&self, schema: &str) -> bool {
        self.context.exposed.iter().any(|name| name == schema)
    }

    /// Has `role` the rights of `of`, directly or as a member?
    pub fn has_role(&self, role: &str, of: &str) -> bool {
        self.groups.get(role).is_some_and(|groups| groups.contains(of))
    }

    /// Is a policy asked for `role`?
    pub fn binds(&self, policy: &Policy, role: &str) -> bool {
        policy.roles.iter().any(|of| self.has_role(role, of))
    }

    fn granted(&self, grants: &[Grant], role: &str, privilege: &str) -> bool {
        grants.iter().any(|grant| grant.privilege == privilege && self.has_role(role, &grant.grantee))
    }

    /// Has `role` the privilege on the whole relation?
    pub fn may(&self, role: &str, privilege: &str, relation: &Relation) -> bool {
        self.granted(&relation.grants, role, privilege)
    }

    /// Has `role` the privilege on a column, by itself or with the whole relation?
    pub fn may_column(&self, role: &str, privilege: &str, relation: &Relation, column: &str) -> bool {
        self.may(role, privilege, relation)
            || relation.column(column).is_some_and(|column| self.granted(&column.grants, role, privilege))
    }

    /// Has `role` the privilege on the relation or any of its columns?
    pub fn may_any(&self, role: &str, privilege: &str, relation: &Relation) -> bool {
        self.may(role, privilege, relation)
            || relation.columns.iter().any(|column| self.granted(&column.grants, role, privilege))
    }

    /// May `role` call it?
    pub fn may_call(&self, role: &str, function: &Function) -> bool {
        self.granted(&function.grants, role, "EXECUTE")
    }

    /// Callers that may read the relation.
    pub fn readers(&self, relation: &Relation) -> Vec<&'a str> {
        self.callers.iter().copied().filter(|role| self.may_any(role, "SELECT", relation)).collect()
    }

    /// Does row-level security not bind `role` on this table?
    pub fn bypasses(&self, role: &str, table: &Relation) -> bool {
        let is_free = self.schema.role(role).is_some_and(|role| role.superuser || role.bypass_rls);
        is_free || !table.rls || !table.force_rls && self.has_role(role, &table.owner)
    }

    /// Does the function of that name ask who is calling?
    pub fn asks_caller(&self, schema: &str, name: &str) -> bool {
        self.caller_functions.contains(&(schema, name))
    }
}

/// The role itself, `public`, and every role whose rights it has without `SET ROLE`.
fn groups_of<'a>(schema: &'a Schema, role: &'a str) -> HashSet<&'a str> {
    let mut found = HashSet::from([role, "public"]);
    let mut next = vec![role];
    while let Some(role) = next.pop().and_then(|name| schema.role(name)).filter(|role| role.inherit) {
        next.extend(role.member_of.iter().map(String::as_str).filter(|group| found.insert(group)));
    }
    found
}

/// Roles that `authenticator` may become and that row-level security binds.
fn callers(schema: &Schema) -> Vec<&str> {
    let named: Vec<&str> = match schema.role("authenticator") {
        Some(role) => role.member_of.iter().map(String::as_str).collect(),
        None => vec!["anon", "authenticated"],
    };
    let binds = |name: &&str| {
        // What the platform's services become is not a caller.
        let is_service = *name == "service_role" || name.starts_with("supabase_");
        schema.role(name).is_some_and(|role| !role.superuser && !role.bypass_rls) && !is_service
    };
    named.into_iter().filter(binds).collect()
}

/// Functions whose source says `auth.…()` or `current_setting('request.…')`, or calls one that does.
fn caller_functions(schema: &Schema) -> HashSet<(&str, &str)> {
    /// A function, the functions that it calls, and whether it asks who calls.
    type Body<'a> = (&'a Function, Vec<(String, String)>, bool);
    let bodies: Vec<Body<'_>> = schema
        .functions
        .iter()
        .filter(|function| function.extension.is_none() && matches!(function.language.as_str(), "sql" | "plpgsql"))
        .map(|function| {
            let tokens = tokens(&function.body);
            let mut calls = Vec::new();
            let mut asks = tokens.iter().any(|token| token.is("current_setting"));
            for window in tokens.windows(4) {
                let [a, dot, b, open] = window else { continue };
                if dot.is_symbol(".") && open.is_symbol("(") {
                    let (Some(schema), Some(name)) = (a.name(), b.name()) else { continue };
                    asks |= schema == "auth" && matches!(name.as_str(), "uid" | "jwt" | "role" | "email");
                    calls.push((schema, name));
                }
            }
            (function, calls, asks)
        })
        .collect();
    let mut found: HashSet<(&str, &str)> = HashSet::new();
    loop {
        let before = found.len();
        for (function, calls, asks) in &bodies {
            if *asks || calls.iter().any(|(schema, name)| found.contains(&(schema.as_str(), name.as_str()))) {
                found.insert((&function.schema, &function.name));
            }
        }
        if found.len() == before {
            return found;
        }
    }
}
