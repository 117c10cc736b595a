//! Who asks: a role and the claims of a token.

use pg::tokio_postgres::Client;
use serde_json::{Value, json};

use super::Trouble;

/// A role and claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// As given.
    pub name: String,
    /// The PostgreSQL role.
    pub role: String,
    /// What a token of his would carry.
    pub claims: Value,
}

/// The claims that auth puts into a token (its session aside), read from the user's row.
const USER: &str = "
    select jsonb_strip_nulls(jsonb_build_object(
        'sub', id, 'aud', coalesce(nullif(aud, ''), 'authenticated'), 'role', coalesce(nullif(role, ''), 'authenticated'),
        'email', coalesce(email, ''), 'phone', coalesce(phone, ''), 'aal', 'aal1', 'is_anonymous', is_anonymous,
        'app_metadata', coalesce(raw_app_meta_data, '{}'), 'user_metadata', coalesce(raw_user_meta_data, '{}')))::text
    from auth.users where id::text = $1 or lower(email) = lower($1) or (phone <> '' and phone = ltrim($1, '+'))";

impl Caller {
    /// `anon`, `service`, the name of a role, or a user by address, phone number or id. `more` is merged into the claims; its `role` wins.
    ///
    /// # Errors
    /// Nobody of that name; PostgreSQL refuses to look.
    pub async fn find(client: &Client, name: &str, more: Option<&Value>) -> Result<Self, Trouble> {
        let mut caller = match name {
            "anon" => Self::of_role(name, "anon"),
            "service" | "service_role" => Self::of_role(name, "service_role"),
            _ => match user(client, name).await? {
                Some(claims) => Self { name: name.to_owned(), role: String::new(), claims },
                None if is_role(client, name).await? => Self::of_role(name, name),
                None => {
                    return Err(Trouble::Nobody(format!(
                        "{name} is neither a user (address, phone number or id in auth.users) nor a role"
                    )));
                }
            },
        };
        if let (Some(Value::Object(more)), Value::Object(claims)) = (more, &mut caller.claims) {
            claims.extend(more.clone());
        }
        if let Some(role) = caller.claims.get("role").and_then(Value::as_str) {
            caller.role = role.to_owned();
        }
        if !is_role(client, &caller.role).await? {
            return Err(Trouble::Nobody(format!("there is no role {} in the database", caller.role)));
        }
        Ok(caller)
    }

    fn of_role(name: &str, role: &str) -> Self {
        Self { name: name.to_owned(), role: role.to_owned(), claims: json!({ "role": role }) }
    }
}

async fn user(client: &Client, name: &str) -> Result<Option<Value>, Trouble> {
    let there = client.query_one("select to_regclass('auth.users') is not null", &[]).await?;
    if !there.get::<_, bool>(0) {
        return Ok(None);
    }
    let Some(row) = client.query_opt(USER, &[&name]).await? else { return Ok(None) };
    let claims = serde_json::from_str(row.get(0));
    claims.map(Some).map_err(|source| crate::Error::Catalog { what: "user", source }.into())
}

async fn is_role(client: &Client, name: &str) -> Result<bool, Trouble> {
    Ok(client.query_opt("select from pg_catalog.pg_roles where rolname = $1", &[&name]).await?.is_some())
}
