//! The people that the matrix tries as: rows of `auth.users` and what makes their kind.

use pg::ident;
use pg::tokio_postgres::Client;
use serde_json::{Value as Json, json};

use crate::spec::{Identity, Spec};
use crate::sql::literal;
use crate::{Error, Schema};

/// One person, with the token that he would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `anon`, `user`, `service` or a kind of the project's.
    pub kind: String,
    /// 0 for the one who tries, 1 for another of the same kind; [`NEWCOMER`] and [`GHOST`] are users without rows.
    pub nth: usize,
    /// The PostgreSQL role of his requests.
    pub role: String,
    /// His id in `auth.users`.
    pub uid: Option<String>,
    /// His address.
    pub email: Option<String>,
    /// The token's claims, as JSON.
    pub claims: String,
}

impl Person {
    /// For people: `user`, `another user`.
    pub fn label(&self) -> String {
        if self.nth == 0 { self.kind.clone() } else { format!("another {}", self.kind) }
    }

    /// Has he rows of his own?
    pub const fn is_active(&self) -> bool {
        self.uid.is_some() && self.nth < NEWCOMER
    }

    /// The statements that make a transaction his, as REST makes it.
    pub fn context_sql(&self) -> String {
        let (role, claims) = (ident(&self.role), literal(&self.claims));
        format!("set local role {role};\nselect set_config('request.jwt.claims', {claims}, true);")
    }
}

/// He has signed up and done nothing.
pub const NEWCOMER: usize = 2;
/// He is in `auth.users` and nowhere else: rows about him can still come.
pub const GHOST: usize = 3;

/// Everybody: two of each kind but of `anon` and `service`. Without `access.toml`, roles that `authenticator` may take on are kinds.
pub fn people(spec: Option<&Spec>, schema: &Schema) -> Vec<Person> {
    let mut people = vec![person("anon", 0, 0, "anon", None)];
    let mut kinds: Vec<(String, String, Option<&Identity>)> = vec![("user".into(), "authenticated".into(), None)];
    match spec {
        Some(spec) => kinds.extend(spec.identities.iter().map(|own| (own.name.clone(), own.role.clone(), Some(own)))),
        None => {
            let roles = schema.role("authenticator").map_or(&[][..], |role| &role.member_of);
            let own = roles.iter().filter(|role| !["anon", "authenticated", "service_role"].contains(&role.as_str()));
            kinds.extend(own.map(|role| (role.clone(), role.clone(), None)));
        }
    }
    for (place, (kind, role, own)) in kinds.iter().enumerate() {
        let last = if place == 0 { GHOST } else { 1 };
        people.extend((0..=last).map(|nth| person(kind, nth, place + 1, role, *own)));
    }
    people.push(person("service", 0, 0, "service_role", None));
    people
}

/// What a user may write himself is in the newcomer's token: `metadata`, by the keys that lead there.
pub fn wish(people: &mut [Person], metadata: &[(Vec<String>, Json)]) {
    for person in people.iter_mut().filter(|person| person.nth == NEWCOMER && !metadata.is_empty()) {
        let Ok(mut claims) = serde_json::from_str::<Json>(&person.claims) else { continue };
        for (path, value) in metadata {
            let mut here = &mut claims["user_metadata"];
            for key in path {
                if !here.is_object() {
                    *here = json!({});
                }
                here = &mut here[key.as_str()];
            }
            if here.is_null() {
                here.clone_from(value);
            }
        }
        person.claims = claims.to_string();
    }
}

fn person(kind: &str, nth: usize, place: usize, role: &str, own: Option<&Identity>) -> Person {
    let (kind, role) = (kind.to_owned(), role.to_owned());
    if place == 0 {
        let claims = json!({ "role": role, "iss": "supabase" }).to_string();
        return Person { kind, nth, role, uid: None, email: None, claims };
    }
    let uid = format!("00000000-0000-4000-8000-{:012}", place * 100 + nth + 1);
    let wished =
        own.and_then(|own| own.auth.iter().find(|(column, _)| column == "email")).and_then(|(_, v)| v.as_str());
    let email = match wished {
        // Two people cannot have one address.
        Some(email) if nth == 0 => email.to_owned(),
        Some(email) => email.replacen('@', &format!("+{}@", nth + 1), 1),
        None => format!("{}{}@example.com", kind.to_lowercase(), nth + 1),
    };
    let mut claims = json!({
        "aud": "authenticated", "role": role, "sub": uid, "email": email, "phone": "", "aal": "aal1", "is_anonymous": false,
        "app_metadata": { "provider": "email", "providers": ["email"] }, "user_metadata": {},
        "session_id": format!("00000000-0000-4000-9000-{:012}", place * 100 + nth + 1),
        "amr": [{ "method": "password", "timestamp": 1 }],
    });
    for (name, value) in own.iter().flat_map(|own| &own.claims) {
        claims[name.as_str()] = value.clone();
    }
    Person { kind, nth, role, uid: Some(uid), email: Some(email), claims: claims.to_string() }
}

/// Makes the rows of `auth.users`. The project's triggers run, as at a sign-up; where they fail, the rows come without them.
///
/// # Errors
/// The rows cannot be made at all.
pub async fn sign_up(
    client: &Client,
    schema: &Schema,
    spec: Option<&Spec>,
    people: &[Person],
) -> Result<Vec<String>, Error> {
    let mut trouble = Vec::new();
    let Some(users) = schema.relation("auth", "users") else { return Ok(trouble) };
    for person in people {
        let (Some(uid), Some(email)) = (&person.uid, &person.email) else { continue };
        let mut values: Vec<(&str, String)> = vec![
            ("id", literal(uid)),
            ("aud", literal("authenticated")),
            ("role", literal("authenticated")),
            ("email", literal(email)),
            ("email_confirmed_at", "now()".into()),
            ("raw_app_meta_data", literal(r#"{"provider": "email", "providers": ["email"]}"#)),
            ("raw_user_meta_data", literal("{}")),
            ("created_at", "now()".into()),
            ("updated_at", "now()".into()),
        ];
        let own = spec.and_then(|spec| spec.identities.iter().find(|own| own.name == person.kind));
        for (column, value) in own.iter().flat_map(|own| &own.auth).filter(|(column, _)| column != "email") {
            values.retain(|(known, _)| known != column);
            values.push((column, if *value == json!("") { "null".to_owned() } else { sql_value(value) }));
        }
        values.retain(|(column, _)| users.column(column).is_some_and(|column| column.generated.is_none()));
        let columns: Vec<_> = values.iter().map(|(column, _)| ident(column)).collect();
        let row: Vec<_> = values.iter().map(|(_, value)| value.as_str()).collect();
        let insert = format!("insert into auth.users ({}) values ({})", columns.join(", "), row.join(", "));
        if let Err(error) = client.batch_execute(&insert).await {
            trouble.push(format!("sign-up of {}: {}", person.label(), pg::Error::from(error)));
            client.batch_execute(&without_triggers(&insert)).await?;
        }
    }
    Ok(trouble)
}

/// Sets the columns that make a kind; the rows are there by now. Guards of the project's do not bind us: we are the registrar.
///
/// # Errors
/// The columns cannot be set.
pub async fn become_kinds(
    client: &Client,
    schema: &Schema,
    spec: Option<&Spec>,
    people: &[Person],
) -> Result<Vec<String>, Error> {
    let mut trouble = Vec::new();
    for person in people {
        let Some(uid) = &person.uid else { continue };
        let own = spec.and_then(|spec| spec.identities.iter().find(|own| own.name == person.kind));
        for profile in own.iter().flat_map(|own| &own.profile) {
            let Some(table) = schema.relation(&profile.schema, &profile.table) else { continue };
            let [key] = table.primary_key() else { continue };
            let update = format!(
                "update {} set {} = {} where {}::text = {}",
                table.sql(),
                ident(&profile.column),
                sql_value(&profile.value),
                ident(key),
                literal(uid),
            );
            client.batch_execute(&without_triggers(&update)).await?;
            let check = format!("select 1 from {} where {}::text = {}", table.sql(), ident(key), literal(uid));
            if client.query_opt(&check, &[]).await?.is_none() {
                trouble.push(format!("{} has no row in {}.{}", person.label(), profile.schema, profile.table));
            }
        }
    }
    Ok(trouble)
}

fn without_triggers(statement: &str) -> String {
    format!("begin; set local session_replication_role = replica; {statement}; commit")
}

fn sql_value(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::String(text) => literal(text),
        other => literal(&other.to_string()),
    }
}
