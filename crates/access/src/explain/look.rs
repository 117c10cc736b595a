//! Reads what there is to know, in one read-only transaction.

use pg::ident;
use pg::tokio_postgres::Client;
use serde_json::Value;

use super::answer::{Action, Applies, Condition, Explanation, Grants, PolicyAnswer, Security, Seen, Truth};
use super::{Caller, Trouble, key, verdict};
use crate::expr::{Expr, Kind, unwrapped};
use crate::schema::{Command, Policy, Relation, RelationKind, Schema, name_parts};

/// What somebody wants to know.
#[derive(Debug, Clone)]
pub struct Question<'q> {
    /// `schema.table`, or a table of `public`.
    pub table: &'q str,
    /// The row: see the key's forms in the guide.
    pub key: &'q str,
    /// `anon`, `service`, a role, or a user by address, phone number or id.
    pub caller: &'q str,
    /// Claims to add to the token.
    pub claims: Option<&'q Value>,
    /// To do what.
    pub action: Action,
}

/// Answers. `client` is a superuser's, or at least one that sees the table whole and may become the caller's role.
///
/// # Errors
/// See [`Trouble`].
pub async fn explain(client: &Client, question: &Question<'_>) -> Result<Explanation, Trouble> {
    let schema = Schema::read(client).await?;
    let relation = find(&schema, question.table)?;
    let pairs = key::parse(relation, question.key).map_err(Trouble::Key)?;
    client.batch_execute("begin isolation level repeatable read read only").await?;
    let found = in_transaction(client, question, relation, &pairs).await;
    client.batch_execute("rollback").await?;
    found
}

async fn in_transaction(
    client: &Client,
    question: &Question<'_>,
    relation: &Relation,
    pairs: &[(String, String)],
) -> Result<Explanation, Trouble> {
    let caller = Caller::find(client, question.caller, question.claims).await?;
    let condition = pairs.iter().enumerate().map(|(i, (column, _))| {
        let sql_type = relation.column(column).map_or("text", |column| &column.type_sql);
        format!("{} = ${}::text::{sql_type}", ident(column), i + 1)
    });
    let condition = condition.collect::<Vec<_>>().join(" and ");
    let values: Vec<&(dyn pg::tokio_postgres::types::ToSql + Sync)> =
        pairs.iter().map(|(_, value)| value as &(dyn pg::tokio_postgres::types::ToSql + Sync)).collect();
    // The row as a superuser sees it, as text that makes the same row again.
    let sql = format!("select t::text from {} t where {condition} limit 2", relation.sql());
    let rows = client.query(&sql, &values).await?;
    if rows.len() > 1 {
        return Err(Trouble::Key(format!("more than one row has {}: name more columns", shown(pairs).join(", "))));
    }
    let row: Option<String> = rows.first().map(|row| row.get(0));
    let grants = grants(client, &caller.role, relation, question.action).await?;
    let security = security(client, &caller.role, relation).await?;
    let mut applies = Vec::new();
    for policy in relevant(relation, question.action) {
        applies.push((policy, applicable(client, policy, &caller.role, question.action).await?));
    }

    become_caller(client, &caller).await?;
    let mut policies = Vec::new();
    for (policy, applies) in applies {
        let asked = row.as_deref().filter(|_| !matches!(applies, Applies::No(_)) && grants.schema);
        policies.push(answer(client, relation, policy, applies, asked).await?);
    }
    let seen = match row {
        Some(_) => Some(seen(client, relation, &condition, &values).await?),
        None => None,
    };
    let verdict = verdict::verdict(question.action, &caller.role, row.is_some(), &grants, security, &policies);
    Ok(Explanation {
        table: format!("{}.{}", relation.schema, relation.name),
        key: shown(pairs),
        action: question.action,
        caller: caller.name,
        role: caller.role,
        claims: caller.claims,
        row_exists: row.is_some(),
        grants,
        security,
        policies,
        seen,
        verdict,
    })
}

fn find<'s>(schema: &'s Schema, name: &str) -> Result<&'s Relation, Trouble> {
    schema.written(name).ok_or_else(|| {
        let parts = name_parts(name);
        let table = parts.last().map_or(name, String::as_str);
        let near = schema.user_relations().filter(|relation| {
            let (a, b) = (relation.name.to_lowercase(), table.to_lowercase());
            a == b || (a.len().min(b.len()) > 2 && (a.contains(&b) || b.contains(&a)))
        });
        let near = near.take(3).map(|relation| format!("{}.{}", relation.schema, relation.name)).collect();
        let name = if parts.len() == 1 { format!("public.{table}") } else { parts.join(".") };
        Trouble::NoTable { name, near }
    })
}

fn shown(pairs: &[(String, String)]) -> Vec<String> {
    pairs.iter().map(|(column, value)| format!("{column}={value}")).collect()
}

async fn grants(client: &Client, role: &str, relation: &Relation, action: Action) -> Result<Grants, Trouble> {
    let word = action.word();
    let row = client
        .query_one(
            "select pg_catalog.has_schema_privilege($1::name, $2::name::text, 'usage'), \
             pg_catalog.has_table_privilege($1::name, $3::oid, $4)",
            &[&role, &relation.schema, &relation.oid, &word],
        )
        .await?;
    let columns = match action {
        // DELETE is not granted by column.
        Action::Delete => Vec::new(),
        _ => client
            .query(
                "select attname::text from pg_catalog.pg_attribute where attrelid = $2 and attnum > 0 and not attisdropped \
                 and pg_catalog.has_column_privilege($1::name, $2::oid, attnum, $3) order by attnum",
                &[&role, &relation.oid, &word],
            )
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect(),
    };
    let whole = row.get(1);
    Ok(Grants { schema: row.get(0), whole, columns: if whole { Vec::new() } else { columns } })
}

async fn security(client: &Client, role: &str, relation: &Relation) -> Result<Security, Trouble> {
    match relation.kind {
        RelationKind::View if relation.security_invoker => return Ok(Security::ViewOfInvoker),
        RelationKind::View | RelationKind::MaterializedView => return Ok(Security::ViewOfOwner),
        RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign => {}
    }
    if !relation.rls {
        return Ok(Security::Off);
    }
    let row = client
        .query_one(
            "select rolsuper or rolbypassrls, pg_catalog.pg_has_role(rolname, $2::name, 'usage') \
             from pg_catalog.pg_roles where rolname = $1",
            &[&role, &relation.owner],
        )
        .await?;
    let (bypasses, owns): (bool, bool) = (row.get(0), row.get(1));
    Ok(if bypasses || (owns && !relation.force_rls) { Security::Bypassed } else { Security::On })
}

/// Policies for the action, for all, and for seeing what is to be changed.
fn relevant(relation: &Relation, action: Action) -> impl Iterator<Item = &Policy> {
    relation.policies.iter().filter(move |policy| {
        policy.command == Command::All
            || policy.command == command(action)
            || (to_see(action) && policy.command == Command::Select)
    })
}

fn to_see(action: Action) -> bool {
    matches!(action, Action::Update | Action::Delete)
}

fn command(action: Action) -> Command {
    match action {
        Action::Select => Command::Select,
        Action::Insert => Command::Insert,
        Action::Update => Command::Update,
        Action::Delete => Command::Delete,
    }
}

async fn applicable(client: &Client, policy: &Policy, role: &str, action: Action) -> Result<Applies, Trouble> {
    for bound in &policy.roles {
        let is_bound = bound == "public"
            || client
                .query_one("select pg_catalog.pg_has_role($1::name, $2::name, 'usage')", &[&role, bound])
                .await?
                .get(0);
        if is_bound {
            let only_to_see = policy.command == Command::Select && to_see(action);
            return Ok(if only_to_see { Applies::ToSee } else { Applies::Yes });
        }
    }
    Ok(Applies::No(format!("it is for {}, not for {role}", policy.roles.join(", "))))
}

async fn become_caller(client: &Client, caller: &Caller) -> Result<(), Trouble> {
    let claims = caller.claims.to_string();
    // As a request through REST: the role, the claims, the search path of the API.
    client
        .execute(
            "select set_config('request.jwt.claims', $1, true), set_config('search_path', 'public, extensions', true), \
             set_config('role', $2, true)",
            &[&claims, &caller.role],
        )
        .await?;
    Ok(())
}

async fn answer(
    client: &Client,
    relation: &Relation,
    policy: &Policy,
    applies: Applies,
    row: Option<&str>,
) -> Result<PolicyAnswer, Trouble> {
    let mut conditions = [None, None];
    if let Some(row) = row {
        for (condition, text) in conditions.iter_mut().zip([&policy.using, &policy.check]) {
            if let Some(text) = text {
                *condition = Some(evaluate(client, relation, row, text, &Expr::parse(text)).await?);
            }
        }
    }
    let [using, check] = conditions;
    Ok(PolicyAnswer {
        name: policy.name.clone(),
        permissive: policy.permissive,
        command: format!("{:?}", policy.command).to_lowercase(),
        applies,
        using,
        check,
    })
}

/// The truth of a part and of what it is joined of.
async fn evaluate(
    client: &Client,
    relation: &Relation,
    row: &str,
    whole: &str,
    part: &Expr,
) -> Result<Condition, Trouble> {
    let text = unwrapped(part.text(whole)).to_owned();
    let truth = truth(client, relation, row, &text).await?;
    let (joined_by, inner): (_, &[Expr]) = match &part.kind {
        Kind::And(parts) => ("and", parts),
        Kind::Or(parts) => ("or", parts),
        Kind::Not(inner) => ("not", std::slice::from_ref(inner)),
        _ => ("", &[]),
    };
    let mut parts = Vec::new();
    for part in inner {
        parts.push(Box::pin(evaluate(client, relation, row, whole, part)).await?);
    }
    Ok(Condition { text, truth, joined_by, parts })
}

/// One condition, on the row as a value: so it needs no right on the table, which row-level security does not ask for either.
async fn truth(client: &Client, relation: &Relation, row: &str, condition: &str) -> Result<Truth, Trouble> {
    let sql = format!(
        "select ({condition})::boolean from (select ($1::text::{}).*) as {}",
        relation.sql(),
        ident(&relation.name)
    );
    Ok(match attempt(client, &sql, &[&row]).await? {
        Err(message) => Truth::Fails(message),
        Ok(rows) => match rows.first().and_then(|row| row.get::<_, Option<bool>>(0)) {
            Some(true) => Truth::True,
            Some(false) => Truth::False,
            None => Truth::Null,
        },
    })
}

/// Reads the row for real.
async fn seen(
    client: &Client,
    relation: &Relation,
    condition: &str,
    values: &[&(dyn pg::tokio_postgres::types::ToSql + Sync)],
) -> Result<Seen, Trouble> {
    let sql = format!("select true from {} where {condition}", relation.sql());
    Ok(match attempt(client, &sql, values).await? {
        Err(message) => Seen::Refused(message),
        Ok(rows) if rows.is_empty() => Seen::No,
        Ok(_) => Seen::Yes,
    })
}

/// A statement that may fail without harm. The inner result is PostgreSQL's answer or its message.
async fn attempt(
    client: &Client,
    sql: &str,
    values: &[&(dyn pg::tokio_postgres::types::ToSql + Sync)],
) -> Result<Result<Vec<pg::tokio_postgres::Row>, String>, Trouble> {
    client.batch_execute("savepoint attempt").await?;
    let done = client.query(sql, values).await;
    client.batch_execute("rollback to attempt").await?;
    match done {
        Ok(rows) => Ok(Ok(rows)),
        Err(error) if error.as_db_error().is_some() => Ok(Err(pg::Error::from(error).to_string())),
        Err(error) => Err(error.into()),
    }
}
