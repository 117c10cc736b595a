//! Why it is so, and how to see it oneself.

use pg::tokio_postgres::Client;
use serde_json::{Map, Value as Json};

use super::judge::Finding;
use super::plan::{self, Key};
use super::report::{Counterexample, Verdict};
use super::subject::{Subject, roles_of, truth};
use crate::identities::Person;
use crate::schema::{Grant, RelationKind};
use crate::spec::{Kind, Operation};
use crate::{Error, Schema};

/// The policies and grants that let a finding through, or that stopped it.
///
/// # Errors
/// The connection is lost.
pub async fn because(
    client: &Client,
    schema: &Schema,
    subject: &Subject,
    person: &Person,
    finding: &Finding,
) -> Result<Vec<String>, Error> {
    let roles = roles_of(schema, &person.role);
    let relation = &subject.relation;
    let mut reasons = grants(subject, &roles, finding);
    if finding.verdict != Verdict::Leak {
        let policies: Vec<_> = subject
            .policies(finding.operation, &roles)
            .map(|(_, policy)| format!("policy {:?}", policy.name))
            .collect();
        if relation.rls && policies.is_empty() {
            reasons.push(format!("no policy for {} speaks of {}", finding.operation.word(), person.role));
        }
        return Ok(if policies.is_empty() { reasons } else { [reasons, policies].concat() });
    }
    if matches!(relation.kind, RelationKind::View) && !relation.security_invoker {
        reasons
            .push(format!("the view runs as its owner {}, past the row-level security of its tables", relation.owner));
    } else if matches!(relation.kind, RelationKind::MaterializedView | RelationKind::Foreign) {
        reasons.push("row-level security does not reach materialized views and foreign tables".to_owned());
    } else if relation.kind == RelationKind::View {
        reasons.push("the view itself lets it through".to_owned());
    } else if !relation.rls {
        reasons.push(format!("row-level security is off on {}", subject.name));
    } else if roles.iter().any(|role| schema.role(role).is_some_and(|role| role.bypass_rls)) {
        reasons.push(format!("role {} bypasses row-level security", person.role));
    } else {
        reasons.extend(policies(client, subject, person, &roles, finding).await?);
    }
    Ok(reasons)
}

/// Permissive policies whose conditions hold of the row.
async fn policies(
    client: &Client,
    subject: &Subject,
    person: &Person,
    roles: &[String],
    finding: &Finding,
) -> Result<Vec<String>, Error> {
    let mut reasons = Vec::new();
    let old = |key: &Key, sql: &str| {
        format!("select array[{}] from {} where {}", truth(sql), subject.table(), subject.at(key))
    };
    let new = |sql: &str| format!("{} returning array[{}]", finding.statement, truth(sql));
    for (_, policy) in subject.policies(finding.operation, roles).filter(|(_, policy)| policy.permissive) {
        let check = policy.check.as_ref().or(policy.using.as_ref());
        let asked = match finding.operation {
            Operation::Insert => check.map(|sql| (new(sql), sql)),
            _ => policy.using.as_ref().zip(finding.key.as_ref()).map(|(sql, key)| (old(key, sql), sql)),
        };
        let Some((statement, sql)) = asked else {
            // Of many rows: it is one of these.
            reasons.extend(policy.using.iter().map(|sql| format!("policy {:?}: using ({sql})", policy.name)));
            continue;
        };
        let truths = plan::weigh(client, &[statement], person).await?;
        if truths.first().and_then(|truths| truths.as_ref().ok()).is_some_and(|truths| truths.first() == Some(&true)) {
            let word = if finding.operation == Operation::Insert { "with check" } else { "using" };
            reasons.push(format!("policy {:?}: {word} ({sql})", policy.name));
        }
    }
    Ok(reasons)
}

/// Grants of the privilege, on the column or on the whole.
fn grants(subject: &Subject, roles: &[String], finding: &Finding) -> Vec<String> {
    let privilege = finding.operation.word().to_uppercase();
    let to =
        |grant: &&Grant| grant.privilege == privilege && (grant.grantee == "public" || roles.contains(&grant.grantee));
    let mut reasons: Vec<String> = Vec::new();
    for grant in subject.relation.grants.iter().filter(to) {
        reasons.push(format!("grant {} on {} to {}", finding.operation.word(), subject.relation.sql(), grant.grantee));
    }
    for column in finding.column.iter().map(|at| &subject.relation.columns[*at]) {
        for grant in column.grants.iter().filter(to) {
            let (what, name) = (finding.operation.word(), pg::ident(&column.name));
            reasons.push(format!("grant {what} ({name}) on {} to {}", subject.relation.sql(), grant.grantee));
        }
    }
    if reasons.is_empty() && finding.verdict != Verdict::Leak {
        reasons.push(format!(
            "no grant of {} on {} to {}",
            finding.operation.word(),
            subject.relation.sql(),
            roles.join(", ")
        ));
    }
    reasons
}

/// The finding as something to run.
pub fn counterexample(subject: Option<&Subject>, person: &Person, finding: &Finding) -> Counterexample {
    let allow = match finding.operation {
        Operation::Delete if subject.is_some_and(|subject| subject.kind == Kind::Bucket) => {
            "set local storage.allow_delete_query = 'true';\n"
        }
        _ => "",
    };
    let sql = format!("begin;\n{}\n{allow}{};\nrollback;", person.context_sql(), finding.statement);
    let call = Call::of(subject, finding);
    Counterexample { sql, curl: call.curl(person), js: call.js(person) }
}

/// A name between a shell's double quotes.
fn in_quotes(name: &str) -> String {
    let special = |c: char| matches!(c, '\\' | '"' | '$' | '`');
    name.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A request to REST.
struct Call {
    schema: String,
    /// Table, view or function.
    name: String,
    operation: Operation,
    filters: Vec<(String, String)>,
    body: Map<String, Json>,
    column: Option<String>,
}

impl Call {
    fn of(subject: Option<&Subject>, finding: &Finding) -> Self {
        let Some(subject) = subject else {
            let full = finding.statement.split_once(' ').map_or("", |(_, call)| call.split('(').next().unwrap_or(call));
            let (schema, name) = full.split_once('.').unwrap_or(("", full));
            let (schema, name) = (schema.replace('"', ""), name.replace('"', ""));
            return Self {
                schema,
                name,
                operation: Operation::Execute,
                filters: Vec::new(),
                body: Map::new(),
                column: None,
            };
        };
        let relation = &subject.relation;
        let key = finding.key.as_ref().filter(|_| !subject.key.is_empty());
        let filters = key.into_iter().flat_map(|key| {
            subject.key.iter().zip(key).map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()))
        });
        Self {
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            operation: finding.operation,
            filters: filters.collect(),
            body: body(subject, &finding.statement, finding.operation),
            column: finding.column.map(|at| relation.columns[at].name.clone()),
        }
    }

    fn curl(&self, person: &Person) -> String {
        let key = if person.kind == "service" { "SERVICE_ROLE_KEY" } else { "ANON_KEY" };
        let token = if person.uid.is_some() { "TOKEN" } else { key };
        let mut command = String::from("curl -sS");
        command += match self.operation {
            Operation::Select => "",
            Operation::Insert | Operation::Execute => " -X POST",
            Operation::Update => " -X PATCH",
            Operation::Delete => " -X DELETE",
        };
        let path = if self.operation == Operation::Execute { format!("rpc/{}", self.name) } else { self.name.clone() };
        let mut query: Vec<String> =
            self.filters.iter().map(|(name, value)| format!("{}=eq.{}", escape(name), escape(value))).collect();
        if self.operation == Operation::Select {
            query.insert(0, format!("select={}", self.column.as_deref().map_or_else(|| "*".to_owned(), escape)));
        }
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        command += &format!(
            " \"$API_URL/rest/v1/{}{query}\" -H \"apikey: ${key}\" -H \"Authorization: Bearer ${token}\"",
            escape(&path).replace("%2F", "/")
        );
        if !self.schema.is_empty() && self.schema != "public" {
            let header = if self.operation == Operation::Select { "Accept-Profile" } else { "Content-Profile" };
            command += &format!(" -H \"{header}: {}\"", in_quotes(&self.schema));
        }
        if !matches!(self.operation, Operation::Select | Operation::Delete) {
            let body = Json::Object(self.body.clone()).to_string().replace('\'', "'\\''");
            command += &format!(" -H \"Content-Type: application/json\" -d '{body}'");
        }
        command
    }

    fn js(&self, person: &Person) -> String {
        let who = match (&person.uid, person.kind.as_str()) {
            (_, "service") => "// with the service key\n".to_owned(),
            (Some(_), kind) => format!("// signed in as {kind}\n"),
            (None, _) => "// signed out\n".to_owned(),
        };
        let text = |text: &str| Json::from(text).to_string();
        let mut call = if self.schema.is_empty() || self.schema == "public" {
            "supabase".to_owned()
        } else {
            format!("supabase.schema({})", text(&self.schema))
        };
        let body = Json::Object(self.body.clone()).to_string();
        call += &match self.operation {
            Operation::Execute => format!(".rpc({}, {body})", text(&self.name)),
            Operation::Select => {
                format!(".from({}).select({})", text(&self.name), text(self.column.as_deref().unwrap_or("*")))
            }
            Operation::Insert => format!(".from({}).insert({body})", text(&self.name)),
            Operation::Update => format!(".from({}).update({body})", text(&self.name)),
            Operation::Delete => format!(".from({}).delete()", text(&self.name)),
        };
        for (name, value) in &self.filters {
            call += &format!(".eq({}, {})", text(name), text(value));
        }
        format!("{who}const {{ data, error }} = await {call}")
    }
}

/// The columns and values of our own statement, which are literals in one fixed shape.
fn body(subject: &Subject, statement: &str, operation: Operation) -> Map<String, Json> {
    let mut body = Map::new();
    let (names, values) = match operation {
        Operation::Insert => {
            let Some((head, tail)) = statement.split_once(") values (") else { return body };
            let names = head.split_once(" (").map_or("", |(_, names)| names);
            (split(names), split(tail.trim_end_matches(')')))
        }
        Operation::Update => {
            let Some((name, value)) = statement.split_once(" set ").and_then(|(_, rest)| rest.split_once(" = ")) else {
                return body;
            };
            (
                vec![name.to_owned()],
                split(value.rsplit_once(" where ").map_or(value, |(value, _)| value)).into_iter().take(1).collect(),
            )
        }
        _ => return body,
    };
    for (name, value) in names.iter().zip(&values) {
        let name = name.trim_matches('"').replace("\"\"", "\"");
        let json = match value.strip_prefix('\'') {
            None => Json::Null,
            Some(rest) => {
                let text = rest.rsplit_once("'::").map_or(rest, |(text, _)| text).replace("''", "'");
                let column = subject.relation.column(&name);
                match column.map(|column| column.base_type.as_str()) {
                    Some("json" | "jsonb" | "bool" | "int2" | "int4" | "int8" | "float4" | "float8" | "numeric") => {
                        let truth = match text.as_str() {
                            "t" => Some(Json::from(true)),
                            "f" => Some(Json::from(false)),
                            _ => None,
                        };
                        truth.or_else(|| serde_json::from_str(&text).ok()).unwrap_or(Json::from(text))
                    }
                    _ => Json::from(text),
                }
            }
        };
        body.insert(name, json);
    }
    body
}

/// Splits at commas outside of quotes.
fn split(list: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut in_text, mut in_name) = (false, false);
    let mut depth = 0_usize;
    for c in list.chars() {
        match c {
            '\'' if !in_name => in_text = !in_text,
            '"' if !in_text => in_name = !in_name,
            '(' if !in_text && !in_name => depth += 1,
            ')' if !in_text && !in_name => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == ',' && !in_text && !in_name && depth == 0 {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

/// Percent-encodes for a URL's query.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ => escaped += &format!("%{byte:02X}"),
        }
    }
    escaped
}
