//! `basalt serve auth` on a database of its own, with users who are signed in.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use crypto::jwt::KeySet;
use crypto::password::{Scheme, hash};
use tokio::process::{Child, Command};

use crate::database::Cluster;
use crate::rest::free_port;

const SECRET: &str = "a secret for the benchmark, 32 characters long";
/// Users and sessions 1000 to 1999.
pub const FIRST: u32 = 1_000;
pub const USERS: u32 = 1_000;
pub const PASSWORD: &str = "correct horse battery staple";

/// Users as they are after a sign-up by e-mail: an identity each, a session, its claim, its refresh token `h<number>`.
const FILL: &str = "
    insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, confirmation_token, recovery_token,
        email_change_token_new, email_change, last_sign_in_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
    select '00000000-0000-0000-0000-000000000000', ('00000000-0000-4000-8000-00000000' || n)::uuid, 'authenticated', 'authenticated',
        'user' || n || '@example.org', '{hash}', now(), '', '', '', '', now(), '{\"provider\": \"email\", \"providers\": [\"email\"]}',
        jsonb_build_object('sub', '00000000-0000-4000-8000-00000000' || n, 'email', 'user' || n || '@example.org', 'full_name', 'User ' || n,
            'email_verified', true, 'phone_verified', false), now(), now()
    from generate_series(1000, 1999) n;
    insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    select id::text, id, raw_user_meta_data, 'email', now(), now(), now() from auth.users;
    insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
    select id, id, now(), now(), 'aal1', 'bench', '127.0.0.1' from auth.users;
    insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
    select gen_random_uuid(), id, now(), now(), 'password' from auth.sessions;
    insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, session_id)
    select '00000000-0000-0000-0000-000000000000', 'h' || right(id::text, 4) || 'aaaaaaa', user_id, false, now(), now(), id from auth.sessions;
    analyze;";

/// A server that runs.
pub struct AuthServer {
    _process: Child,
    pub address: SocketAddr,
    /// The database's superuser, in libpq's words.
    pub words: String,
    keys: KeySet,
}

impl AuthServer {
    pub async fn start(cluster: &Cluster) -> anyhow::Result<Self> {
        cluster.psql("create database auth")?;
        let words = cluster.words("postgres").replace("dbname=postgres", "dbname=auth");
        let address: SocketAddr = ([127, 0, 0, 1], free_port()?).into();
        let host = cluster.folder().display().to_string().replace('/', "%2F");
        let basalt = std::env::current_exe()?.with_file_name("basalt");
        let process = Command::new(&basalt)
            .args(["serve", "auth", "--port", &address.port().to_string()])
            .env("API_HOST", "127.0.0.1")
            .env("API_EXTERNAL_URL", format!("http://{address}"))
            .env("DATABASE_URL", format!("postgres://postgres@{host}:5432/auth"))
            .env("GOTRUE_SITE_URL", "http://localhost:3000")
            .env("GOTRUE_JWT_SECRET", SECRET)
            .env("GOTRUE_RATE_LIMIT_TOKEN_REFRESH", "1000000000")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}; build it first", basalt.display()))?;
        for _ in 0..600 {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                let hash = hash(PASSWORD.as_bytes(), Scheme::default())?;
                cluster.psql_at(&words, &FILL.replace("{hash}", &hash))?;
                return Ok(Self { _process: process, address, words, keys: KeySet::from_secret(SECRET.as_bytes()) });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("basalt serve auth does not listen")
    }

    /// An access token of the session of this number.
    pub fn token(&self, number: u32) -> anyhow::Result<String> {
        let id = format!("00000000-0000-4000-8000-00000000{number}");
        let claims = serde_json::json!({
            "aud": "authenticated", "exp": 4_102_444_800_i64, "iat": 1_760_000_000, "iss": format!("http://{}", self.address), "sub": id,
            "email": format!("user{number}@example.org"), "phone": "", "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": {}, "role": "authenticated", "aal": "aal1", "amr": [{"method": "password", "timestamp": 1_760_000_000}],
            "session_id": id, "is_anonymous": false
        });
        Ok(self.keys.sign(&claims)?)
    }
}

/// The bytes of a POST with a JSON body.
pub fn post(path: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
