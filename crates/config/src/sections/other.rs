use std::collections::BTreeMap;

use base::Secret;

use crate::setting::{choice, section};

choice! {
    /// Address family.
    pub enum IpVersion {
        /// IPv4.
        V4 = "IPv4",
        /// IPv6.
        V6 = "IPv6",
    }
}

section! {
    /// Channels, presence and changes.
    pub struct Realtime {
        /// Serve `/realtime/v1` at all.
        enabled: bool = true,
        /// Address family to listen on.
        ip_version: IpVersion,
        /// Longest request header, in bytes.
        max_header_length: u32 = 4096,
    }
}

section! {
    /// The pages for developers.
    pub struct Studio {
        /// Serve them at all.
        enabled: bool = true,
        /// Port of the pages.
        port: u16 = 54323,
        /// URL of the API as a browser reaches it.
        api_url: String = "http://127.0.0.1".into(),
        /// Key of OpenAI for the assistant. Not used.
        openai_api_key: Option<Secret>,
    }
}

section! {
    /// The inbox that catches mail in development.
    pub struct LocalSmtp {
        /// Catch mail instead of sending it.
        enabled: bool = true,
        /// Port of its page.
        port: u16 = 54324,
        /// Port that takes mail by SMTP; unset: closed.
        smtp_port: Option<u16>,
        /// Port that hands out mail by POP3. Not supported.
        pop3_port: Option<u16>,
        /// Sender's address.
        admin_email: String = "admin@email.com".into(),
        /// Sender's name.
        sender_name: String = "Admin".into(),
    }
}

choice! {
    /// How requests share a worker.
    pub enum RequestPolicy {
        /// Workers live on; changed code is reloaded.
        PerWorker = "per_worker",
        /// A worker for each request.
        Oneshot = "oneshot",
    }
}

section! {
    /// The runtime of edge functions.
    pub struct EdgeRuntime {
        /// Serve `/functions/v1` at all.
        enabled: bool = true,
        /// How requests share a worker.
        policy: RequestPolicy,
        /// Port of the debugger.
        inspector_port: u16 = 8083,
        /// Deno's major version.
        deno_version: u32 = 2,
        /// Variables of every function, by name.
        secrets: BTreeMap<String, Secret>,
    }
}

section! {
    /// An edge function.
    pub struct Function {
        /// Serve it.
        enabled: bool = true,
        /// Refuse requests without a valid token.
        verify_jwt: bool = true,
        /// Import map, relative to `supabase/`.
        import_map: String,
        /// Entry point, relative to `supabase/`; empty: `functions/<name>/index.ts`.
        entrypoint: String,
        /// Files that it may read, as globs relative to `supabase/`.
        static_files: Vec<String>,
        /// Variables of the project that it may see: its own name → `env(NAME)`.
        env: BTreeMap<String, Secret>,
    }
}

choice! {
    /// Where logs are kept.
    pub enum AnalyticsBackend {
        /// In PostgreSQL.
        Postgres = "postgres",
        /// In BigQuery.
        BigQuery = "bigquery",
    }
}

section! {
    /// Log store of the hosted platform. Basalt logs to its own output instead.
    pub struct Analytics {
        /// Run it.
        enabled: bool = true,
        /// Its port.
        port: u16 = 54327,
        /// Where logs are kept.
        backend: AnalyticsBackend,
        /// Port for syslog.
        vector_port: Option<u16>,
        /// BigQuery's project.
        gcp_project_id: String,
        /// BigQuery's project number.
        gcp_project_number: String,
        /// BigQuery's service account.
        gcp_jwt_path: String,
    }
}

section! {
    /// Trials of the CLI. Read, and not used.
    pub struct Experimental {
        /// S3 host of OrioleDB.
        s3_host: String,
        /// S3 region of OrioleDB.
        s3_region: String,
        /// S3 key of OrioleDB.
        s3_access_key: Option<Secret>,
        /// S3 secret of OrioleDB.
        s3_secret_key: Option<Secret>,
        /// Database webhooks (`supabase_functions.http_request`).
        webhooks: Option<Webhooks>,
        /// Engine of the CLI's `db diff`.
        pgdelta: Option<PgDelta>,
        /// Rules of the CLI's `inspect`.
        inspect: Inspect,
        /// The CLI's `compute` commands.
        compute: bool,
        /// The CLI's new local stack.
        stack: bool,
    }
}

section! {
    /// Database webhooks.
    pub struct Webhooks {
        /// Install `supabase_functions.http_request`.
        enabled: bool,
    }
}

section! {
    /// Engine of the CLI's `db diff`.
    pub struct PgDelta {
        /// Use it.
        enabled: bool = true,
        /// Folder of schema files, relative to `supabase/`.
        declarative_schema_path: String,
        /// How it formats SQL (JSON).
        format_options: String,
    }
}

section! {
    /// Rules of the CLI's `inspect`.
    pub struct Inspect {
        /// The rules.
        rules: Vec<InspectRule>,
    }
}

section! {
    /// A rule of the CLI's `inspect`.
    pub struct InspectRule {
        /// SQL.
        query: String,
        /// Name.
        name: String,
        /// Said when it passes.
        pass: String,
        /// Said when it fails.
        fail: String,
    }
}
