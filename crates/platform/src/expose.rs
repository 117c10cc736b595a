use tokio_postgres::Client;

use crate::error::Error;

const EXPOSE: &str = "
    alter default privileges for role postgres in schema public
        grant all on tables to anon, authenticated, service_role;
    alter default privileges for role postgres in schema public
        grant all on functions to anon, authenticated, service_role;
    alter default privileges for role postgres in schema public
        grant all on sequences to anon, authenticated, service_role;";

const HIDE: &str = "
    alter default privileges for role postgres in schema public
        revoke select, insert, update, delete on tables from anon, authenticated, service_role;
    alter default privileges for role postgres in schema public
        revoke execute on functions from anon, authenticated, service_role;
    alter default privileges for role postgres in schema public
        revoke usage, select, update on sequences from anon, authenticated, service_role;";

/// `[api] auto_expose_new_tables`: may the roles of requests use what migrations create in `public`, without a GRANT?
/// Says so for what is created from now on; a fresh database says yes. To be called before migrations run.
///
/// # Errors
/// The connection's role may not speak for `postgres`.
pub async fn expose_new_tables(client: &Client, expose: bool) -> Result<(), Error> {
    Ok(client.batch_execute(if expose { EXPOSE } else { HIDE }).await?)
}
