use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::Secret;
use pg::tokio_postgres::NoTls;
use pg::{Address, Db, Target, ident};
use pgserver::{ExtensionFile, Options, Server};
use tokio::sync::{Mutex, OnceCell};

/// The password of every role that logs in.
const PASSWORD: &str = "postgres";
/// The database that fresh ones are cloned from, on the cluster of this test binary. Nobody may stay connected to it.
pub const TEMPLATE: &str = "basalt_template";
/// What the CLI's local stack signs tokens with.
const JWT_SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";

/// A database of one test. Its cluster is thrown away with the process, so it need not be dropped.
#[derive(Debug, Clone)]
pub struct Database {
    /// As the superuser `supabase_admin`.
    pub admin: Target,
    /// As `postgres`, like migrations and tools.
    pub postgres: Target,
    /// As `authenticator`, like requests.
    pub authenticator: Target,
}

impl Database {
    /// The doors to it.
    ///
    /// # Panics
    /// Never: the settings are fixed.
    pub fn db(&self) -> Db {
        Db::new(&self.authenticator, &self.admin, true, 8).expect("fixed settings make a pool")
    }

    /// A connection; `who` is one of the three targets.
    ///
    /// # Panics
    /// The cluster is gone.
    pub async fn connect(&self, who: &Target) -> pg::tokio_postgres::Client {
        let (client, connection) = who.to_config().connect(NoTls).await.expect("the test's PostgreSQL answers");
        tokio::spawn(connection);
        client
    }

    /// Runs SQL as the superuser.
    ///
    /// # Panics
    /// The SQL fails.
    pub async fn run(&self, sql: &str) {
        let client = self.connect(&self.admin).await;
        if let Err(error) = client.batch_execute(sql).await {
            panic!("{}\nin: {sql}", pg::Error::from(error));
        }
    }
}

/// A fresh database with roles, schemas and extensions as projects expect them.
///
/// # Panics
/// There is no PostgreSQL, or it cannot be started.
pub async fn database() -> Database {
    clone_of(TEMPLATE).await
}

/// A fresh database with nothing in it.
///
/// # Panics
/// As [`database`].
pub async fn empty_database() -> Database {
    clone_of("template0").await
}

async fn clone_of(template: &str) -> Database {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    /// Two clones of one template at once make the second wait for a lock and then fail.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    let cluster = cluster();
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let _turn = ONE_AT_A_TIME.lock().await;
    let (client, connection) = cluster.to_config().connect(NoTls).await.expect("the test's PostgreSQL answers");
    tokio::spawn(connection);
    let create = format!("create database {} template {} strategy file_copy", ident(&name), ident(template));
    client.batch_execute(&create).await.expect("a template can be cloned");
    let owner = format!("alter database {} owner to postgres", ident(&name));
    if template == TEMPLATE {
        client.batch_execute(&owner).await.expect("postgres owns its databases");
    }
    let admin = cluster.with_database(&name);
    let password = Secret::from(PASSWORD);
    Database {
        postgres: admin.as_role("postgres", &password),
        authenticator: admin.as_role("authenticator", &password),
        admin,
    }
}

/// The superuser's way into this binary's cluster. It lives on a thread of its own, since each test brings a runtime that ends.
fn cluster() -> &'static Target {
    static CLUSTER: OnceLock<Target> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let (ready, started) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime can be made");
            runtime.block_on(async {
                static SERVER: OnceCell<Server> = OnceCell::const_new();
                let server = SERVER.get_or_init(start).await;
                let target = Target {
                    address: Address::Socket(server.socket_dir().to_owned()),
                    port: server.port(),
                    database: "postgres".to_owned(),
                    user: server.superuser().to_owned(),
                    password: server.superuser_password().clone(),
                    startup: Vec::new(),
                };
                install(&target, &vault_key(server)).await;
                let _ = ready.send(target);
                std::future::pending::<()>().await;
            });
        });
        started.recv().expect("the test's PostgreSQL starts")
    })
}

async fn start() -> Server {
    let files = platform::extension_files()
        .into_iter()
        .map(|file| ExtensionFile { name: file.name.to_owned(), contents: file.contents.as_bytes().into() })
        .collect();
    let options = Options { search_path: std::env::var_os("PATH"), ..pgserver::testing::throw_away(files) };
    match Server::start(options, |_| {}).await {
        Ok(server) => server,
        Err(error) => panic!("tests need a PostgreSQL: {error}"),
    }
}

/// A key for the vault, as the server makes one: beside the cluster's files, of PostgreSQL's user alone.
fn vault_key(server: &Server) -> PathBuf {
    let path = server.data_dir().with_file_name("vault.key");
    std::fs::write(&path, [7_u8; 32]).expect("a key can be written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).expect("its permissions can be set");
    let data = std::fs::metadata(server.data_dir()).expect("the cluster has files");
    let ours = std::fs::metadata(&path).expect("the key was written");
    if data.uid() != ours.uid() {
        chown(&path, Some(data.uid()), Some(data.gid())).expect("PostgreSQL's user gets the key");
    }
    path
}

async fn install(cluster: &Target, vault_key: &Path) {
    let (client, connection) = cluster.to_config().connect(NoTls).await.expect("the test's PostgreSQL answers");
    tokio::spawn(connection);
    client.batch_execute(&format!("create database {}", ident(TEMPLATE))).await.expect("a database can be made");
    let (mut client, connection) =
        cluster.with_database(TEMPLATE).to_config().connect(NoTls).await.expect("the new database answers");
    let pump = tokio::spawn(connection);
    let password = Secret::from(PASSWORD);
    let how = platform::Install {
        rights: platform::Rights::Superuser,
        postgres_password: &password,
        authenticator_password: &password,
        jwt_secret: &Secret::from(JWT_SECRET),
        jwt_exp: 3600,
        publish_jwt_settings: true,
        vault_key_file: Some(vault_key),
    };
    if let Err(error) = platform::install(&mut client, &how).await {
        panic!("the platform cannot be installed: {error}");
    }
    drop(client);
    let _ = pump.await;
}
