use crate::setting::section;

section! {
    /// REST and GraphQL over the database.
    pub struct Api {
        /// Serve `/rest/v1` at all.
        enabled: bool = true,
        /// Port of the one listener: all services answer there.
        port: u16 = 54321,
        /// Schemas that requests may name; the first is the default.
        schemas: Vec<String> = vec!["public".into(), "graphql_public".into()],
        /// Schemas on the search path of every request, after the one that it names.
        extra_search_path: Vec<String> = vec!["public".into(), "extensions".into()],
        /// Most rows that one request returns.
        max_rows: u64 = 1000,
        /// HTTPS on the listener.
        tls: Tls,
        /// URL under which clients reach the listener; empty: made from the port.
        external_url: String,
        /// Do new tables, views, sequences and functions of `postgres` in `public` belong to the API roles without a GRANT? Unset means yes.
        auto_expose_new_tables: Option<bool>,
    }
}

section! {
    /// HTTPS on the listener.
    pub struct Tls {
        /// Answer HTTPS instead of HTTP.
        enabled: bool,
        /// Certificate chain (PEM), relative to `supabase/`.
        cert_path: String,
        /// Private key (PEM), relative to `supabase/`.
        key_path: String,
    }
}

impl Api {
    /// Are new objects in `public` open to the API roles without a GRANT?
    pub fn exposes_new_tables(&self) -> bool {
        self.auto_expose_new_tables.unwrap_or(true)
    }
}
