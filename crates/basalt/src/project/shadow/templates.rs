//! What goes into the two lowest templates.

use std::collections::BTreeMap;
use std::path::Path;

use base::Secret;
use migrate::{Migration, RunAs, Step};
use pg::Target;

use super::{Plan, cluster, how};
use crate::progress::Progress;

/// In place of the project's own, which have no business here.
const JWT_SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";
/// Long enough for a key of AES-256.
const VAULT_SECRET: &str = "a secret of the shadow database, 32 bytes and more";

/// Platform and `roles.sql`.
pub async fn platform(plan: &Plan, admin: &Target, vault_key: &Path) -> anyhow::Result<()> {
    let mut client = admin.connect().await?;
    let password = cluster::password();
    let how = platform::Install {
        rights: platform::Rights::Superuser,
        postgres_password: &password,
        authenticator_password: &password,
        jwt_secret: &Secret::from(JWT_SECRET),
        jwt_exp: i64::from(plan.config.auth.jwt_expiry),
        publish_jwt_settings: true,
        vault_key_file: Some(vault_key),
    };
    platform::install(&mut client, &how).await?;
    platform::apply_further(&mut client, "auth", auth::MIGRATIONS).await?;
    platform::apply_further(&mut client, "mail", mail::MIGRATIONS).await?;
    platform::expose_new_tables(&client, plan.config.api.exposes_new_tables()).await?;
    migrate::roles(&client, &plan.paths.supabase, &RunAs::postgres(admin)).await?;
    Ok(())
}

/// Migrations that are not in it yet, then buckets and secrets of config.toml.
pub async fn migrations(plan: &Plan, admin: &Target, files: &[Migration], progress: &Progress) -> anyhow::Result<()> {
    let client = admin.connect().await?;
    let show = |step: Step<'_>| {
        progress.step(&format!("Replaying {} on the shadow database ({}/{})", step.file, step.number, step.of));
    };
    migrate::up(&client, files, &how(admin), &show).await?;
    let secrets: BTreeMap<String, Secret> =
        plan.config.db.vault.keys().map(|name| (name.clone(), Secret::from(VAULT_SECRET))).collect();
    migrate::vault_secrets(&client, &secrets).await?;
    migrate::buckets(&client, &plan.config.storage.buckets, &RunAs::postgres(admin)).await?;
    Ok(())
}
