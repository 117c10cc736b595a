use std::collections::{BTreeMap, HashSet};

use tokio_postgres::Client;

use crate::error::Error;
use crate::files::Area;

/// What a database holds before anything is done to it.
pub(crate) struct State {
    pub(crate) role: String,
    pub(crate) is_superuser: bool,
    /// Is the bookkeeping there?
    pub(crate) has_bookkeeping: bool,
    /// Applied files: name → checksum.
    pub(crate) applied: BTreeMap<String, String>,
    /// Were the roles that requests switch to there before us?
    has_roles: bool,
    present: HashSet<&'static str>,
}

impl State {
    /// Was this part there before us, made by another: GoTrue, Storage, Realtime, a restored dump?
    ///
    /// Roles, grants and settings count as there where a whole Supabase database is: what its owner changed in them (a revoked
    /// default privilege, a longer timeout) must not be turned back.
    pub(crate) fn is_present(&self, area: Area) -> bool {
        if area == Area::Base {
            return self.has_roles && self.is_present(Area::Auth) && self.is_present(Area::Storage);
        }
        marker(area).is_some_and(|marker| self.present.contains(marker))
    }
}

/// The object whose presence tells that a part is there.
fn marker(area: Area) -> Option<&'static str> {
    match area {
        Area::Base => None,
        Area::Auth => Some("auth.users"),
        Area::Storage => Some("storage.objects"),
        Area::Realtime => Some("realtime.messages"),
        Area::Graphql => Some("graphql_public.graphql"),
        Area::Functions => Some("supabase_functions.hooks"),
    }
}

const STATE: &str = "
    select current_user::text,
           (select rolsuper from pg_catalog.pg_roles where rolname = current_user),
           to_regclass('_basalt.platform_migrations') is not null,
           to_regclass('auth.users') is not null,
           to_regclass('storage.objects') is not null,
           to_regclass('realtime.messages') is not null,
           exists (select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
                   where n.nspname = 'graphql_public' and p.proname = 'graphql'),
           to_regclass('supabase_functions.hooks') is not null,
           (select count(*) = 4 from pg_catalog.pg_roles
            where rolname in ('anon', 'authenticated', 'service_role', 'supabase_auth_admin'))";

/// Looks, and changes nothing.
pub(crate) async fn inspect(client: &Client) -> Result<State, Error> {
    let row = client.query_one(STATE, &[]).await?;
    let has_bookkeeping: bool = row.get(2);
    let areas = [Area::Auth, Area::Storage, Area::Realtime, Area::Graphql, Area::Functions];
    let present = areas
        .into_iter()
        .enumerate()
        .filter(|(index, _)| row.get::<_, bool>(3 + index))
        .filter_map(|(_, area)| marker(area))
        .collect();
    let mut applied = BTreeMap::new();
    if has_bookkeeping {
        for row in client.query("select name, checksum from _basalt.platform_migrations", &[]).await? {
            applied.insert(row.get(0), row.get(1));
        }
    }
    Ok(State { role: row.get(0), is_superuser: row.get(1), has_bookkeeping, applied, has_roles: row.get(8), present })
}

/// The newest version in a bookkeeping table of the original service, for the note on an adopted database.
pub(crate) async fn adopted_version(client: &Client, area: Area) -> Option<String> {
    let question = match area {
        Area::Auth => "select max(version)::text from auth.schema_migrations",
        Area::Storage => "select id::text || ' ' || name from storage.migrations order by id desc limit 1",
        _ => return None,
    };
    // A role that may not read the table adopts all the same: the version is only told, nothing hangs on it.
    client.query_opt(question, &[]).await.ok().flatten().and_then(|row| row.get(0))
}
