use std::path::Path;

use base::Secret;
use tokio_postgres::Client;

use crate::error::Error;
use crate::scram;

/// Gives `authenticator` its password where nobody may read what it has, as at a managed provider: each time anew.
pub(crate) async fn set_password_unseen(
    client: &mut Client,
    role: &str,
    password: &Secret<String>,
) -> Result<(), Error> {
    let verifier = postgres_protocol::password::scram_sha_256(password.expose().as_bytes());
    let statement = "do $$ begin execute format('alter role %I login password %L',
        current_setting('basalt.argument_1'), current_setting('basalt.argument_2')); end $$";
    with_arguments(client, statement, role, &verifier).await
}

/// Gives a role its password, unless it has it already. The server gets a SCRAM verifier and never the password.
pub(crate) async fn set_password(client: &mut Client, role: &str, password: &Secret<String>) -> Result<bool, Error> {
    let current: Option<String> =
        client.query_one("select rolpassword from pg_catalog.pg_authid where rolname = $1", &[&role]).await?.get(0);
    if current.is_some_and(|verifier| scram::verifies(&verifier, password.expose())) {
        return Ok(false);
    }
    let verifier = postgres_protocol::password::scram_sha_256(password.expose().as_bytes());
    // Roles belong to the cluster: an installer in another database may be at the same one.
    let statement = "lock table pg_catalog.pg_authid in share row exclusive mode;
        do $$ begin execute format('alter role %I password %L',
        current_setting('basalt.argument_1'), current_setting('basalt.argument_2')); end $$";
    with_arguments(client, statement, role, &verifier).await?;
    Ok(true)
}

/// `app.settings.jwt_secret` and `app.settings.jwt_exp`, which functions of some projects read, as settings of the database.
/// `secret` of `None` takes them away: any role that can run SQL could read them.
pub(crate) async fn set_jwt_settings(
    client: &mut Client,
    secret: Option<&Secret<String>>,
    expiry_seconds: i64,
) -> Result<(), Error> {
    let stored: Vec<String> = client
        .query_opt(
            "select setconfig from pg_catalog.pg_db_role_setting s join pg_catalog.pg_database d on d.oid = s.setdatabase
             where d.datname = current_database() and s.setrole = 0",
            &[],
        )
        .await?
        .map(|row| row.get(0))
        .unwrap_or_default();
    let wanted = [
        ("app.settings.jwt_secret", secret.map(|secret| secret.expose().clone())),
        ("app.settings.jwt_exp", secret.map(|_| expiry_seconds.to_string())),
    ];
    for (name, value) in wanted {
        let prefix = format!("{name}=");
        let current = stored.iter().find_map(|line| line.strip_prefix(&prefix));
        match value {
            Some(value) if current != Some(value.as_str()) => {
                let statement = "do $$ begin execute format('alter database %I set %I to %L', current_database(),
                    current_setting('basalt.argument_1'), current_setting('basalt.argument_2')); end $$";
                with_arguments(client, statement, name, &value).await?;
            }
            None if current.is_some() => {
                let statement = "do $$ begin execute format('alter database %I reset %I', current_database(),
                    current_setting('basalt.argument_1')); end $$";
                with_arguments(client, statement, name, "").await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Tells the vault where the server finds its key. The table is the superuser's alone, and holds a path, not the key.
pub(crate) async fn set_vault_key_file(client: &Client, path: &Path) -> Result<(), Error> {
    client
        .execute(
            "insert into _basalt.settings as s (name, value) values ('vault_key_file', $1)
             on conflict (name) do update set value = excluded.value where s.value <> excluded.value",
            &[&path.to_string_lossy().as_ref()],
        )
        .await?;
    Ok(())
}

/// Runs a DO block that reads two arguments from settings of its transaction: utility statements take no parameters, and
/// values do not belong into SQL text.
async fn with_arguments(client: &mut Client, statement: &str, first: &str, second: &str) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    transaction
        .execute(
            "select set_config('basalt.argument_1', $1, true), set_config('basalt.argument_2', $2, true)",
            &[&first, &second],
        )
        .await?;
    transaction.batch_execute(statement).await?;
    transaction.commit().await?;
    Ok(())
}
