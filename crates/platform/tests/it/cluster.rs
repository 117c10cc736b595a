//! One throw-away cluster for the test run, under a private prefix that holds our extension files, and a fresh database for
//! each test. It dies with the test process: a shell waits for the end of its input, which the process holds open.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base::Secret;
use platform::{Install, Report, Rights, extension_files, install};
use tokio::sync::{Mutex, OnceCell, mpsc};
use tokio_postgres::types::FromSqlOwned;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

pub struct Cluster {
    dir: PathBuf,
    bin: PathBuf,
    _keeper: Child,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A database of its own for one test.
pub struct Database {
    pub name: String,
    pub report: Report,
}

impl Cluster {
    pub fn get() -> &'static Self {
        CLUSTER.get_or_init(start)
    }

    /// A further cluster, for tests to which roles of others matter.
    pub fn fresh() -> Self {
        start()
    }

    /// A client as `role`; the cluster trusts its socket.
    pub async fn connect(&self, database: &str, role: &str) -> Client {
        let (client, connection) = Config::new()
            .host_path(&self.dir)
            .port(5432)
            .user(role)
            .dbname(database)
            .connect(NoTls)
            .await
            .unwrap_or_else(|error| panic!("cannot connect as {role}: {error:?}"));
        tokio::spawn(connection);
        client
    }

    /// As [`Cluster::connect`], with the payloads of what the session listens to.
    pub async fn listen(&self, database: &str, role: &str) -> (Client, mpsc::UnboundedReceiver<String>) {
        let (client, mut connection) = Config::new()
            .host_path(&self.dir)
            .port(5432)
            .user(role)
            .dbname(database)
            .connect(NoTls)
            .await
            .unwrap_or_else(|error| panic!("cannot connect as {role}: {error:?}"));
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(notice) = message {
                    let _ = sender.send(notice.payload().to_owned());
                }
            }
        });
        (client, receiver)
    }

    /// One database for tests that leave nothing behind.
    pub async fn shared_scratch(&self) -> &'static str {
        static NAME: OnceCell<String> = OnceCell::const_new();
        NAME.get_or_init(|| async { self.database().await.name }).await
    }

    /// A program of the prefix (`pg_dump`, `psql`), pointed at `database` as the superuser.
    pub fn program(&self, name: &str, database: &str) -> Command {
        let own = self.bin.join(name);
        let mut command = Command::new(if own.exists() { own } else { PathBuf::from(name) });
        command.args(["-h", &self.dir.to_string_lossy(), "-p", "5432", "-U", "supabase_admin", "-d", database]);
        command
    }

    /// Does the installation bring pg_dump? One of an older major refuses.
    pub fn can_dump(&self) -> bool {
        self.bin.join("pg_dump").exists()
    }

    pub fn vault_key_file(&self) -> PathBuf {
        self.dir.join("vault.key")
    }

    /// A fresh database, set up as superuser: the clone of one that was set up once.
    pub async fn database(&self) -> Database {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        // Two clones of one template at once make the second wait for a lock and then fail.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
        let template = TEMPLATE.get_or_init(|| async { self.database_from_scratch().await.name }).await;
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let _turn = ONE_AT_A_TIME.lock().await;
        let client = self.connect("postgres", "supabase_admin").await;
        let clone = format!("create database {name} template {template} strategy file_copy");
        client.batch_execute(&clone).await.expect("clone");
        client.batch_execute(&format!("alter database {name} owner to postgres")).await.expect("owner");
        Database { name, report: Report::default() }
    }

    /// A fresh database, and what setting it up reported.
    pub async fn database_from_scratch(&self) -> Database {
        let name = self.empty_database().await;
        let mut client = self.connect(&name, "supabase_admin").await;
        let report = self.install(&mut client, Rights::Superuser).await.unwrap_or_else(|error| panic!("{error}"));
        self.leave(client, &name).await;
        Database { name, report }
    }

    /// Ends a session and waits until the server has noticed: a template must have none.
    async fn leave(&self, client: Client, database: &str) {
        drop(client);
        let admin = self.connect("postgres", "supabase_admin").await;
        let question = "select count(*) from pg_stat_activity where datname = $1";
        while admin.query_one(question, &[&database]).await.expect("activity").get::<_, i64>(0) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn empty_database(&self) -> String {
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let client = self.connect("postgres", "supabase_admin").await;
        client.batch_execute(&format!("create database {name} template template0")).await.expect("create database");
        name
    }

    pub async fn install(&self, client: &mut Client, rights: Rights) -> Result<Report, platform::Error> {
        let password = Secret::from("postgres");
        let jwt_secret = Secret::from("super-secret-jwt-token-with-at-least-32-characters-long");
        let key = self.vault_key_file();
        let how = Install {
            rights,
            postgres_password: &password,
            authenticator_password: &password,
            jwt_secret: &jwt_secret,
            jwt_exp: 3600,
            publish_jwt_settings: true,
            vault_key_file: Some(&key),
        };
        install(client, &how).await
    }
}

/// Where an installation keeps its parts.
struct Installation {
    bin: PathBuf,
    share: PathBuf,
    lib: PathBuf,
}

/// The folder that `BASALT_TEST_PG_BIN` names (of a relocated PostgreSQL, to try another major), else the newest PostgreSQL of
/// Debian's layout, else the one on PATH.
fn installation() -> Installation {
    if let Some(bin) = std::env::var_os("BASALT_TEST_PG_BIN") {
        let root = Path::new(&bin).parent().expect("a bin folder").canonicalize().expect("BASALT_TEST_PG_BIN");
        return Installation {
            bin: root.join("bin"),
            share: root.join("share/postgresql"),
            lib: root.join("lib/postgresql"),
        };
    }
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin/pg_config"))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    let pg_config = found.pop().unwrap_or_else(|| PathBuf::from("pg_config"));
    let ask = |what: &str| {
        let output = Command::new(&pg_config).arg(what).output().expect("pg_config runs");
        PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
    };
    Installation { bin: ask("--bindir"), share: ask("--sharedir"), lib: ask("--pkglibdir") }
}

/// PostgreSQL finds `share` and `lib` relative to where its binary lies, so a copied `bin` beside links is a whole prefix.
fn make_prefix(dir: &Path) -> PathBuf {
    let Installation { bin, share, lib } = installation();
    let common: PathBuf = bin
        .components()
        .zip(share.components())
        .zip(lib.components())
        .take_while(|((a, b), c)| a == b && b == c)
        .map(|((part, _), _)| part)
        .collect();
    let place = |path: &Path| dir.join("prefix").join(path.strip_prefix(&common).expect("a common root"));
    let (my_bin, my_share, my_lib) = (place(&bin), place(&share), place(&lib));
    fs::create_dir_all(&my_bin).expect("bin");
    for program in ["postgres", "initdb", "pg_dump", "pg_restore", "psql"] {
        if bin.join(program).exists() {
            fs::copy(bin.join(program), my_bin.join(program)).expect("copy a program");
        }
    }
    if lib.parent() == bin.parent().map(|root| root.join("lib")).as_deref() {
        // The server's own libraries lie beside its modules.
        symlink(lib.parent().expect("lib"), my_lib.parent().expect("lib")).expect("link lib");
    } else {
        fs::create_dir_all(my_lib.parent().expect("a parent")).expect("lib");
        symlink(&lib, &my_lib).expect("link lib");
    }
    let extensions = my_share.join("extension");
    fs::create_dir_all(&extensions).expect("share");
    for (from, to) in [(&share, &my_share), (&share.join("extension"), &extensions)] {
        for entry in fs::read_dir(from).expect("share").flatten().filter(|entry| entry.file_name() != "extension") {
            symlink(entry.path(), to.join(entry.file_name())).expect("link share");
        }
    }
    // As the embedded server does: the plain role that owns the database may create what the machine has.
    for name in ["dblink", "moddatetime", "pg_stat_statements"] {
        let path = extensions.join(name).with_extension("control");
        let control = fs::read_to_string(&path).expect("a contrib extension");
        fs::remove_file(&path).expect("unlink");
        fs::write(&path, control + "\ntrusted = true\n").expect("a control file");
    }
    for file in extension_files() {
        let path = extensions.join(file.name);
        let _ = fs::remove_file(&path);
        fs::write(path, file.contents).expect("an extension file");
    }
    my_bin
}

/// The keeper removes the whole directory at the end, so its folders must be its own.
fn give_folders(dir: &Path, user: u32) {
    chown(dir, Some(user), Some(user)).expect("chown");
    for entry in fs::read_dir(dir).expect("a folder").flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            give_folders(&entry.path(), user);
        }
    }
}

fn start() -> Cluster {
    let dir = tempfile::Builder::new().prefix("pl").tempdir_in("/tmp").expect("a directory").keep();
    let bin = make_prefix(&dir);
    let key = dir.join("vault.key");
    fs::write(&key, [7_u8; 32]).expect("a key");
    // PostgreSQL refuses root: then the tests' server runs as nobody.
    let root = fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    let nobody = 65534;
    let as_user = |command: &mut Command| {
        if root {
            command.uid(nobody).gid(nobody);
        }
    };
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("private");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o711)).expect("reachable");
    let data = dir.join("data");
    fs::create_dir(&data).expect("data");
    if root {
        chown(&key, Some(nobody), Some(nobody)).expect("chown");
        give_folders(&dir, nobody);
    }
    let mut initdb = Command::new(bin.join("initdb"));
    initdb.arg("-D").arg(&data).args(["-U", "supabase_admin", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
    initdb.current_dir(&dir);
    as_user(&mut initdb);
    let made = initdb.output().expect("initdb runs");
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    let script = "\"$0\" -D \"$1\" -k \"$2\" -p 5432 -c listen_addresses= -c fsync=off -c wal_level=logical \
                  -c shared_preload_libraries=pg_stat_statements -c max_connections=200 >\"$2/log\" 2>&1 & \
                  pid=$!; read _; kill -INT $pid; wait $pid; rm -rf \"$2\"";
    let mut keeper = Command::new("sh");
    keeper.args(["-c", script]).arg(bin.join("postgres")).arg(&data).arg(&dir);
    keeper.current_dir(&dir).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    as_user(&mut keeper);
    let keeper = keeper.spawn().expect("postgres starts");
    let ready = |log: &Path| fs::read_to_string(log).is_ok_and(|text| text.contains("ready to accept connections"));
    let mut waits = 0;
    while !ready(&dir.join("log")) {
        waits += 1;
        assert!(waits < 1800, "PostgreSQL did not start: {:?}", fs::read_to_string(dir.join("log")));
        std::thread::sleep(Duration::from_millis(100));
    }
    Cluster { dir, bin, _keeper: keeper }
}

/// The SQLSTATE that a statement fails with; panics where it works.
pub async fn refusal(client: &Client, sql: &str) -> String {
    match client.batch_execute(sql).await {
        Ok(()) => panic!("this should have been refused: {sql}"),
        Err(error) => error.code().unwrap_or_else(|| panic!("{sql}: {error:?}")).code().to_owned(),
    }
}

/// Runs statements that must work.
pub async fn works(client: &Client, sql: &str) {
    if let Err(error) = client.batch_execute(sql).await {
        panic!("{sql}\n{}", error.as_db_error().map_or_else(|| error.to_string(), |db| format!("{db:?}")));
    }
}

/// One value of one row.
pub async fn value<T: FromSqlOwned>(client: &Client, sql: &str) -> T {
    match client.query_one(sql, &[]).await {
        Ok(row) => row.get(0),
        Err(error) => panic!("{sql}\n{error:?}"),
    }
}
