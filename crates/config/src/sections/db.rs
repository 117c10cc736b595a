use std::collections::BTreeMap;

use base::Secret;

use crate::GoDuration;
use crate::setting::{choice, section};

section! {
    /// The database.
    pub struct Db {
        /// Port of PostgreSQL.
        port: u16 = 54322,
        /// Port that the CLI's shadow database takes. Not needed: Basalt's shadow is a database in the same server.
        shadow_port: u16 = 54320,
        /// Longest wait for the database when starting.
        health_timeout: GoDuration = GoDuration::from_secs(120),
        /// PostgreSQL's major version. Another installed one is used, with a warning, when this one is missing.
        major_version: u32 = 17,
        /// OrioleDB storage engine. Not supported.
        orioledb_version: String,
        /// Password of `postgres` in development.
        password: Option<Secret>,
        /// Key of the vault, hex; unset: made once and kept outside of the data directory.
        root_key: Option<Secret>,
        /// Connection pooler. Not needed: requests already share connections.
        pooler: Pooler,
        /// The project's migrations.
        migrations: Migrations,
        /// Data for a fresh database.
        seed: Seed,
        /// PostgreSQL's settings.
        settings: DbSettings,
        /// Who may connect on the hosted platform.
        network_restrictions: NetworkRestrictions,
        /// Refuse plain connections on the hosted platform.
        ssl_enforcement: Option<SslEnforcement>,
        /// Secrets to create in the vault of a fresh database, by name.
        vault: BTreeMap<String, Secret>,
    }
}

choice! {
    /// When a pooled server connection may be reused.
    pub enum PoolMode {
        /// After each transaction.
        Transaction = "transaction",
        /// After each session.
        Session = "session",
    }
}

section! {
    /// Connection pooler. Not needed: requests already share connections.
    pub struct Pooler {
        /// Named as not needed when set.
        enabled: bool,
        /// Port of the pooler.
        port: u16 = 54329,
        /// When a connection may be reused.
        pool_mode: PoolMode,
        /// Server connections for each user and database.
        default_pool_size: u32 = 20,
        /// Most clients.
        max_client_conn: u32 = 100,
    }
}

section! {
    /// The project's migrations.
    pub struct Migrations {
        /// Apply `supabase/migrations` on start, push and reset.
        enabled: bool = true,
        /// Schema files, folders or globs in order, relative to `supabase/`.
        schema_paths: Vec<String>,
    }
}

section! {
    /// Data for a fresh database.
    pub struct Seed {
        /// Load the seed files after the migrations of a fresh database.
        enabled: bool = true,
        /// SQL files or globs in order, relative to `supabase/`.
        sql_paths: Vec<String> = vec!["./seed.sql".into()],
    }
}

section! {
    /// Who may connect on the hosted platform.
    pub struct NetworkRestrictions {
        /// Manage the restrictions.
        enabled: bool,
        /// IPv4 ranges that may connect.
        allowed_cidrs: Vec<String> = vec!["0.0.0.0/0".into()],
        /// IPv6 ranges that may connect.
        allowed_cidrs_v6: Vec<String> = vec!["::/0".into()],
    }
}

section! {
    /// Refuse plain connections on the hosted platform.
    pub struct SslEnforcement {
        /// Refuse them.
        enabled: bool,
    }
}

section! {
    /// PostgreSQL's settings, as in postgresql.conf.
    pub struct DbSettings {
        /// What the planner assumes to be cached.
        effective_cache_size: Option<String>,
        /// Memory of logical decoding.
        logical_decoding_work_mem: Option<String>,
        /// Memory of VACUUM and CREATE INDEX.
        maintenance_work_mem: Option<String>,
        /// Most connections.
        max_connections: Option<u32>,
        /// Locks that a transaction may hold, on average.
        max_locks_per_transaction: Option<u32>,
        /// Workers of one maintenance command.
        max_parallel_maintenance_workers: Option<u32>,
        /// Parallel workers in all.
        max_parallel_workers: Option<u32>,
        /// Parallel workers of one node of a plan.
        max_parallel_workers_per_gather: Option<u32>,
        /// Most replication slots.
        max_replication_slots: Option<u32>,
        /// WAL that a slot may hold back.
        max_slot_wal_keep_size: Option<String>,
        /// Delay of a standby reading archives.
        max_standby_archive_delay: Option<String>,
        /// Delay of a streaming standby.
        max_standby_streaming_delay: Option<String>,
        /// WAL between checkpoints.
        max_wal_size: Option<String>,
        /// Most WAL senders.
        max_wal_senders: Option<u32>,
        /// Most background processes.
        max_worker_processes: Option<u32>,
        /// Role of sessions for triggers: origin, replica or local.
        session_replication_role: Option<String>,
        /// Shared memory.
        shared_buffers: Option<String>,
        /// Longest statement.
        statement_timeout: Option<String>,
        /// Bytes of query text kept for `pg_stat_activity`.
        track_activity_query_size: Option<String>,
        /// Record the time of commits.
        track_commit_timestamp: Option<bool>,
        /// WAL kept for standbys.
        wal_keep_size: Option<String>,
        /// Silence after which a WAL sender gives up.
        wal_sender_timeout: Option<String>,
        /// Memory of one sort or hash.
        work_mem: Option<String>,
    }
}

impl DbSettings {
    /// Name and value of every setting that is given, for postgresql.conf.
    pub fn given(&self) -> Vec<(&'static str, String)> {
        let text = |v: &Option<String>| v.clone();
        let number = |v: Option<u32>| v.map(|n| n.to_string());
        [
            ("effective_cache_size", text(&self.effective_cache_size)),
            ("logical_decoding_work_mem", text(&self.logical_decoding_work_mem)),
            ("maintenance_work_mem", text(&self.maintenance_work_mem)),
            ("max_connections", number(self.max_connections)),
            ("max_locks_per_transaction", number(self.max_locks_per_transaction)),
            ("max_parallel_maintenance_workers", number(self.max_parallel_maintenance_workers)),
            ("max_parallel_workers", number(self.max_parallel_workers)),
            ("max_parallel_workers_per_gather", number(self.max_parallel_workers_per_gather)),
            ("max_replication_slots", number(self.max_replication_slots)),
            ("max_slot_wal_keep_size", text(&self.max_slot_wal_keep_size)),
            ("max_standby_archive_delay", text(&self.max_standby_archive_delay)),
            ("max_standby_streaming_delay", text(&self.max_standby_streaming_delay)),
            ("max_wal_size", text(&self.max_wal_size)),
            ("max_wal_senders", number(self.max_wal_senders)),
            ("max_worker_processes", number(self.max_worker_processes)),
            ("session_replication_role", text(&self.session_replication_role)),
            ("shared_buffers", text(&self.shared_buffers)),
            ("statement_timeout", text(&self.statement_timeout)),
            ("track_activity_query_size", text(&self.track_activity_query_size)),
            ("track_commit_timestamp", self.track_commit_timestamp.map(|on| if on { "on" } else { "off" }.to_owned())),
            ("wal_keep_size", text(&self.wal_keep_size)),
            ("wal_sender_timeout", text(&self.wal_sender_timeout)),
            ("work_mem", text(&self.work_mem)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}
