//! Auth servers as processes, and what stands around them.

use std::path::Path;
use std::process::Stdio;

use pg::Address;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::world::{basalt, free_port, root};

pub const SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";
/// Where the application is: nobody listens there, tests read where a redirect ends.
pub const APP_URL: &str = "https://app.test";

/// An SMTP server, Twilio, an OpenID provider, a receiver of hooks; tests/clients/auth/doubles.mjs.
pub struct Doubles {
    pub url: String,
    pub smtp_port: u64,
    pub issuer: String,
    pub hook_secret: String,
    _process: Child,
    _ends_with_it: ChildStdin,
}

impl Doubles {
    pub async fn start(database_url: &str) -> Self {
        let folder = root().join("tests/clients/auth");
        testkit::npm_install(&folder).await;
        let mut process = Command::new("node")
            .arg(folder.join("doubles.mjs"))
            .env("DATABASE_URL", database_url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).await.unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        Self {
            url: text("url"),
            smtp_port: said["smtp_port"].as_u64().unwrap(),
            issuer: text("issuer"),
            hook_secret: text("hook_secret"),
            _ends_with_it: process.stdin.take().unwrap(),
            _process: process,
        }
    }
}

/// A server that runs.
pub struct Served {
    pub url: String,
    _process: Child,
}

impl Served {
    /// GoTrue's variables for everything that a flow may need, and `changes`.
    pub async fn start(doubles: &Doubles, database_url: &str, changes: &[(&str, &str)]) -> Self {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let smtp_port = doubles.smtp_port.to_string();
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("auth-{port}.log"));
        let mut command = Command::from(basalt());
        command
            .args(["serve", "auth", "--port", &port.to_string()])
            .env("API_EXTERNAL_URL", &url)
            .env("API_HOST", "127.0.0.1")
            .env("DATABASE_URL", database_url)
            .env("GOTRUE_JWT_SECRET", SECRET)
            .env("GOTRUE_SITE_URL", APP_URL)
            .env("GOTRUE_SMTP_PORT", smtp_port)
            .env("GOTRUE_SMS_TWILIO_URL", &doubles.url)
            .env("GOTRUE_EXTERNAL_KEYCLOAK_URL", &doubles.issuer)
            .envs(EVERYTHING.iter().copied())
            .envs(changes.iter().copied())
            .stderr(std::fs::File::create(&log).unwrap())
            .kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        for _ in 0..3600 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Self { url, _process: process };
            }
            if process.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("basalt serve auth does not listen: {}", std::fs::read_to_string(log).unwrap());
    }
}

/// Every door open, no limit that tests would meet.
const EVERYTHING: &[(&str, &str)] = &[
    ("GOTRUE_URI_ALLOW_LIST", "https://app.test/**"),
    ("GOTRUE_EXTERNAL_ANONYMOUS_USERS_ENABLED", "true"),
    ("GOTRUE_EXTERNAL_PHONE_ENABLED", "true"),
    ("GOTRUE_EXTERNAL_KEYCLOAK_ENABLED", "true"),
    ("GOTRUE_EXTERNAL_KEYCLOAK_CLIENT_ID", "client"),
    ("GOTRUE_EXTERNAL_KEYCLOAK_SECRET", "secret"),
    ("GOTRUE_CUSTOM_OAUTH_ENABLED", "true"),
    ("GOTRUE_SECURITY_MANUAL_LINKING_ENABLED", "true"),
    ("GOTRUE_SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION", "true"),
    ("GOTRUE_SMTP_HOST", "127.0.0.1"),
    ("GOTRUE_SMTP_ADMIN_EMAIL", "auth@x.test"),
    ("GOTRUE_SMTP_SENDER_NAME", "The application"),
    ("GOTRUE_SMTP_MAX_FREQUENCY", "0s"),
    ("GOTRUE_SMS_PROVIDER", "twilio"),
    ("GOTRUE_SMS_TWILIO_ACCOUNT_SID", "AC1"),
    ("GOTRUE_SMS_TWILIO_AUTH_TOKEN", "token"),
    ("GOTRUE_SMS_TWILIO_MESSAGE_SERVICE_SID", "+15550000000"),
    ("GOTRUE_SMS_MAX_FREQUENCY", "0s"),
    ("GOTRUE_MFA_PHONE_ENROLL_ENABLED", "true"),
    ("GOTRUE_MFA_PHONE_VERIFY_ENABLED", "true"),
    ("GOTRUE_MFA_PHONE_MAX_FREQUENCY", "0s"),
    ("GOTRUE_MFA_WEB_AUTHN_ENROLL_ENABLED", "true"),
    ("GOTRUE_MFA_WEB_AUTHN_VERIFY_ENABLED", "true"),
    ("GOTRUE_PASSKEY_ENABLED", "true"),
    ("GOTRUE_WEBAUTHN_RP_ID", "app.test"),
    ("GOTRUE_WEBAUTHN_RP_DISPLAY_NAME", "The application"),
    ("GOTRUE_WEBAUTHN_RP_ORIGINS", "https://app.test"),
    ("GOTRUE_OAUTH_SERVER_ENABLED", "true"),
    ("GOTRUE_OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION", "true"),
    ("GOTRUE_RATE_LIMIT_SMS_SENT", "100000"),
    ("GOTRUE_RATE_LIMIT_VERIFY", "100000"),
    ("GOTRUE_RATE_LIMIT_OTP", "100000"),
    ("GOTRUE_RATE_LIMIT_TOKEN_REFRESH", "100000"),
    ("GOTRUE_RATE_LIMIT_ANONYMOUS_USERS", "100000"),
    ("GOTRUE_RATE_LIMIT_PASSKEY", "100000"),
    ("GOTRUE_RATE_LIMIT_SSO", "100000"),
    ("GOTRUE_MFA_RATE_LIMIT_CHALLENGE_AND_VERIFY", "100000"),
    ("GOTRUE_RATE_LIMIT_OAUTH_DYNAMIC_CLIENT_REGISTER", "100000"),
];

/// Where the application steps in, as functions of its database.
const HOOKS: [(&str, &str); 4] = [
    ("add_claims", r#"return jsonb_build_object('claims', event -> 'claims' || '{"from_sql": true}');"#),
    (
        "only_friends",
        r#"if event -> 'user' ->> 'email' like '%@blocked.test' then
            return '{"error": {"http_code": 403, "message": "no strangers"}}';
        end if;
        return '{}';"#,
    ),
    (
        "no_guessing",
        r#"if not (event ->> 'valid')::boolean then
            return '{"decision": "reject", "message": "one guess is enough"}';
        end if;
        return '{"decision": "continue"}';"#,
    ),
    (
        "no_codes",
        r#"if not (event ->> 'valid')::boolean then
            return '{"decision": "reject", "message": "come back tomorrow"}';
        end if;
        return '{"decision": "continue"}';"#,
    ),
];

/// Four servers on one database: one that sends letters, one that confirms at once, two whose application steps in.
pub struct Outside {
    doubles: Doubles,
    confirm: Served,
    auto: Served,
    sql_hooks: Served,
    http_hooks: Served,
}

impl Outside {
    pub async fn start() -> Self {
        let database = testkit::database().await;
        for (name, body) in HOOKS {
            database.run(&format!(
                "create function public.{name}(event jsonb) returns jsonb language plpgsql as $$ begin {body} end $$"
            ))
            .await;
        }
        let database_url = database_url(&database.admin);
        let doubles = Doubles::start(&database_url).await;
        let start = |changes: Vec<(&'static str, String)>| {
            let (doubles, database_url) = (&doubles, &database_url);
            async move {
                let changes: Vec<_> = changes.iter().map(|(name, value)| (*name, value.as_str())).collect();
                Served::start(doubles, database_url, &changes).await
            }
        };
        // The first one prepares the database.
        let confirm = start(Vec::new()).await;
        let at_once = ["GOTRUE_MAILER_AUTOCONFIRM", "GOTRUE_SMS_AUTOCONFIRM"].map(|name| (name, "true".to_owned()));
        let without_patience = ("GOTRUE_SECURITY_REFRESH_TOKEN_REUSE_INTERVAL", "0s".to_owned());
        let auto = start(at_once.into_iter().chain([without_patience]).collect()).await;
        let functions = [
            ("CUSTOM_ACCESS_TOKEN", "add_claims"),
            ("BEFORE_USER_CREATED", "only_friends"),
            ("PASSWORD_VERIFICATION_ATTEMPT", "no_guessing"),
            ("MFA_VERIFICATION_ATTEMPT", "no_codes"),
        ];
        let mut changes = vec![("GOTRUE_MAILER_SECURE_EMAIL_CHANGE_ENABLED", "false".to_owned())];
        for (hook, function) in functions {
            changes.extend(hooked(hook, format!("pg-functions://postgres/public/{function}"), ""));
        }
        let sql_hooks = start(changes).await;
        let called = ["CUSTOM_ACCESS_TOKEN", "BEFORE_USER_CREATED", "PASSWORD_VERIFICATION_ATTEMPT"];
        let called = called.into_iter().chain(["MFA_VERIFICATION_ATTEMPT", "SEND_EMAIL", "SEND_SMS"]);
        let changes = called.flat_map(|hook| {
            let uri = format!("{}/hook/{}", doubles.url, hook.to_ascii_lowercase());
            hooked(hook, uri, &doubles.hook_secret)
        });
        let http_hooks = start(changes.collect()).await;
        Self { confirm, auto, sql_hooks, http_hooks, doubles }
    }

    /// What the clients are told.
    pub fn environment(&self) -> Vec<(&str, &str)> {
        vec![
            ("CONFIRM_URL", &self.confirm.url),
            ("AUTO_URL", &self.auto.url),
            ("SQL_HOOKS_URL", &self.sql_hooks.url),
            ("HTTP_HOOKS_URL", &self.http_hooks.url),
            ("DOUBLES_URL", &self.doubles.url),
            ("ISSUER", &self.doubles.issuer),
            ("APP_URL", APP_URL),
            ("SERVICE_KEY", service_key()),
        ]
    }
}

/// The three variables of a hook; their names live as long as the test.
fn hooked(hook: &str, uri: String, secret: &str) -> [(&'static str, String); 3] {
    let name = |setting: &str| -> &'static str { format!("GOTRUE_HOOK_{hook}_{setting}").leak() };
    [(name("ENABLED"), "true".to_owned()), (name("URI"), uri), (name("SECRETS"), format!("v1,whsec_{secret}"))]
}

/// A token of role `service_role` that outlives the test.
pub fn service_key() -> &'static str {
    static KEY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    KEY.get_or_init(|| {
        let keys = crypto::jwt::KeySet::from_secret(SECRET.as_bytes());
        keys.sign_json(r#"{"role":"service_role","iss":"supabase","exp":4102444800}"#).unwrap()
    })
}

/// The URL of a database behind a socket, as PostgreSQL's clients of all languages read it.
pub fn database_url(target: &pg::Target) -> String {
    let Address::Socket(folder) = &target.address else { panic!("the cluster of tests has a socket") };
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!(
        "postgres://{}:{}@{}:{}/{}",
        target.user,
        encode(target.password.expose()),
        encode(&folder.display().to_string()),
        target.port,
        target.database
    )
}
