//! The superuser's password: random, in a file that only we read, known to the server as a verifier only.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base::Secret;
use tokio_postgres::{Config, NoTls};

use crate::error::{Error, IoContext};

/// What a first connection tells.
pub(crate) struct Told {
    pub password: Secret<String>,
    /// The folder in which the server looks for extensions.
    pub share: String,
}

const LOOK: &str = "select (select setting from pg_catalog.pg_config where name = 'SHAREDIR'), \
                           (select rolpassword is null from pg_catalog.pg_authid where rolname = current_user)";
/// ALTER ROLE takes no parameters; the value goes there by way of a setting of this session.
const HAND_OVER: &str = "select pg_catalog.set_config('basalt.verifier', $1, false)";
const SET_PASSWORD: &str = "do $$ begin execute pg_catalog.format('alter role %I password %L', current_user, \
                            pg_catalog.current_setting('basalt.verifier')); end $$";

/// Connects through the private socket and makes sure that server and file agree on a password.
pub(crate) async fn introduce(config: &Config, secrets: &Path) -> Result<Told, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    let talk = async {
        let row = client.query_one(LOOK, &[]).await?;
        let (share, unset): (String, bool) = (row.get(0), row.get(1));
        let file = secrets.join("supabase_admin");
        let kept =
            std::fs::read_to_string(&file).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let renew = unset || kept.is_none();
        let password = match kept {
            Some(password) => password,
            None => make(&file)?,
        };
        if renew {
            let verifier = postgres_protocol::password::scram_sha_256(password.as_bytes());
            client.query(HAND_OVER, &[&verifier]).await?;
            client.batch_execute(SET_PASSWORD).await?;
        }
        drop(client);
        Ok(Told { password: Secret::new(password), share })
    };
    let (told, _) = tokio::join!(talk, connection);
    told
}

fn make(file: &Path) -> Result<String, Error> {
    let password = hex::encode(rand::random::<[u8; 24]>());
    let aside = file.with_extension("new");
    let _ = std::fs::remove_file(&aside);
    let mut out =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).at("create", &aside)?;
    // Not forced to the disk: one that is lost is made anew.
    writeln!(out, "{password}").at("write", &aside)?;
    std::fs::rename(&aside, file).at("create", file)?;
    Ok(password)
}
