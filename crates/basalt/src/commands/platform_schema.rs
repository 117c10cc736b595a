//! The platform in a database that a command makes: the one of `db reset`, the shadow of `db diff`.

use std::path::{Path, PathBuf};

use base::Secret;
use pg::Target;

use crate::project::{Database, Plan};

/// Roles of the platform and the machine: all others are the project's, and its migrations make them.
pub const ROLES: &[&str] = &[
    "postgres",
    "anon",
    "authenticated",
    "service_role",
    "authenticator",
    "dashboard_user",
    "pgbouncer",
    "supabase_admin",
    "supabase_auth_admin",
    "supabase_storage_admin",
    "supabase_realtime_admin",
    "supabase_functions_admin",
    "supabase_replication_admin",
    "supabase_read_only_user",
    "supabase_etl_admin",
    "pgsodium_keyholder",
    "pgsodium_keyiduser",
    "pgsodium_keymaker",
    "pgtle_admin",
];

/// Where the vault of this cluster has its key.
pub async fn vault_key_file(admin: &Target) -> anyhow::Result<Option<PathBuf>> {
    let client = admin.connect().await?;
    let row = client
        .query_opt("select value from _basalt.settings where name = 'vault_key_file'", &[])
        .await
        .map_err(pg::Error::from)?;
    Ok(row.map(|row| PathBuf::from(row.get::<_, String>(0))))
}

/// Installs the platform into an empty database. Passwords of roles are the cluster's: the caller keeps them.
pub async fn install(plan: &Plan, database: &Database, vault_key: Option<&Path>) -> anyhow::Result<()> {
    let mut client = database.admin.connect().await?;
    let how = platform::Install {
        rights: database.rights,
        postgres_password: &plan.postgres_password,
        authenticator_password: &Secret::new(crypto::random::alphanumeric(32)),
        jwt_secret: &plan.keys.jwt_secret,
        jwt_exp: i64::from(plan.config.auth.jwt_expiry),
        publish_jwt_settings: !plan.production,
        vault_key_file: vault_key,
    };
    platform::install(&mut client, &how).await?;
    platform::apply_further(&mut client, "auth", auth::MIGRATIONS).await?;
    platform::apply_further(&mut client, "mail", mail::MIGRATIONS).await?;
    Ok(())
}
