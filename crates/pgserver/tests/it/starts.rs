use crate::support::*;
use pgserver::{Server, State};

#[tokio::test]
async fn a_first_start_makes_a_cluster_and_the_second_keeps_it() {
    let (home, port) = (folder(), free_port());
    let server = Server::start(pgserver::Options { port, ..options(home.path()) }, |_| {}).await.unwrap();
    assert!(server.fresh());
    let client = admin(&server).await;
    client.batch_execute("create table kept (x int); insert into kept values (7)").await.unwrap();
    for (setting, expected) in [
        ("wal_level", "logical"),
        ("server_encoding", "UTF8"),
        ("lc_messages", "C"),
        ("password_encryption", "scram-sha-256"),
    ] {
        let row = client.query_one("select current_setting($1)", &[&setting]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), expected, "{setting}");
    }
    assert_eq!(server.port(), port);
    let password = server.superuser_password().clone();
    server.stop().await.unwrap();

    let again = Server::start(pgserver::Options { port, ..options(home.path()) }, |_| {}).await.unwrap();
    assert!(!again.fresh());
    assert_eq!(again.port(), port);
    assert_eq!(again.superuser_password(), &password);
    assert_eq!(*again.state().borrow(), State::Ready);
    assert_eq!(number(&admin(&again).await, "select sum(x) from kept").await, 7);
    again.stop().await.unwrap();
    assert!(!home.path().join("pgdata/postmaster.pid").exists());
}

#[tokio::test]
async fn applications_need_the_password_and_we_do_not() {
    let home = folder();
    let server = start(home.path()).await;
    let over_tcp = |server: &Server, password: &str| {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(server.port()).user(server.superuser()).dbname("postgres").password(password);
        config
    };
    connect(&over_tcp(&server, server.superuser_password().expose())).await.unwrap();
    assert!(connect(&over_tcp(&server, "guessed")).await.is_err());

    // So do other roles. The private socket is in a folder that only we can enter: there nobody is asked.
    admin(&server).await.batch_execute("create role plain login password 'right'").await.unwrap();
    let mut plain = over_tcp(&server, "guessed");
    plain.user("plain");
    assert!(connect(&plain).await.is_err());
    let mut here = server.admin_config("postgres");
    here.user("plain");
    connect(&here).await.unwrap();

    // The file is lost, say by a copy of the data alone: the next start makes a new password.
    let old = server.superuser_password().clone();
    server.stop().await.unwrap();
    std::fs::remove_dir_all(home.path().join("secrets")).unwrap();
    let server = start(home.path()).await;
    assert_ne!(server.superuser_password(), &old);
    connect(&over_tcp(&server, server.superuser_password().expose())).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_password_is_for_its_owner_only_and_not_in_the_log() {
    use std::os::unix::fs::PermissionsExt;
    let home = folder();
    let mut options = options(home.path());
    options.settings.push(("log_statement".to_owned(), "all".to_owned()));
    let server = Server::start(options, |_| {}).await.unwrap();
    let mode = |path: &str| home.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("secrets"), mode("secrets/supabase_admin"), mode("pgdata")), (0o700, 0o600, 0o700));
    assert_eq!(server.socket_dir().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let log = std::fs::read_to_string(server.log_file()).unwrap();
    assert!(log.contains("alter role"), "{log}");
    assert!(!log.contains(server.superuser_password().expose()));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn two_first_starts_at_once_share_a_template_and_nothing_else() {
    let (one, two, cache) = (folder(), folder(), folder());
    let with_cache = |home| pgserver::Options { cache_dir: Some(cache.path().to_owned()), ..options(home) };
    let (first, second) =
        tokio::join!(Server::start(with_cache(one.path()), |_| {}), Server::start(with_cache(two.path()), |_| {}),);
    let (first, second) = (first.unwrap(), second.unwrap());
    admin(&first).await.batch_execute("create table only_in_first ()").await.unwrap();
    let there = "select count(*) from pg_class where relname = 'only_in_first'";
    assert_eq!(number(&admin(&second).await, there).await, 0);
    assert_ne!(first.superuser_password(), second.superuser_password());
    first.stop().await.unwrap();
    second.stop().await.unwrap();
    let templates: Vec<_> = cache.path().join("templates").read_dir().unwrap().collect();
    assert_eq!(templates.len(), 1, "{templates:?}");
}

#[tokio::test]
async fn a_home_that_the_clusters_user_cannot_enter_keeps_its_data_elsewhere() {
    if !is_root() {
        return; // nobody else runs the cluster then
    }
    let closed = folder();
    std::fs::set_permissions(closed.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let home = closed.path().join("project");
    let server = start(&home).await;
    let elsewhere = server.data_dir().to_owned();
    assert!(elsewhere.starts_with("/var/lib/basalt"), "{}", elsewhere.display());
    assert!(server.notes().iter().any(|note| note.contains("/var/lib/basalt")), "{:?}", server.notes());
    admin(&server).await.batch_execute("create table kept ()").await.unwrap();
    server.stop().await.unwrap();

    let server = start(&home).await;
    assert_eq!(server.data_dir(), elsewhere, "the place is a function of the home's path");
    assert_eq!(number(&admin(&server).await, "select count(*) from pg_class where relname = 'kept'").await, 1);
    server.stop().await.unwrap();

    // The project moves: its data is still its own.
    let moved = closed.path().join("moved");
    std::fs::rename(&home, &moved).unwrap();
    let server = start(&moved).await;
    assert_eq!(server.data_dir(), elsewhere);
    // And a copy of its folder, which has the same link, does not run beside it.
    std::fs::create_dir(&home).unwrap();
    std::os::unix::fs::symlink(&elsewhere, home.join("pgdata")).unwrap();
    let error = refused(options(&home)).await;
    assert!(error.contains("in use by another basalt"), "{error}");
    server.stop().await.unwrap();
    std::fs::remove_dir_all(elsewhere.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn another_major_than_asked_for_is_used_with_a_note() {
    let home = folder();
    let installed = pgserver::find::all(None, None).await;
    let missing = (pgserver::find::OLDEST..=pgserver::find::NEWEST)
        .find(|major| !installed.iter().any(|found| found.major == *major));
    let Some(missing) = missing else { return };
    let server =
        Server::start(pgserver::Options { major: Some(missing), ..options(home.path()) }, |_| {}).await.unwrap();
    assert_ne!(server.major(), missing);
    let told = |note: &String| note.contains(&missing.to_string()) && note.contains("--fetch-postgres");
    assert!(server.notes().iter().any(told), "{:?}", server.notes());
    server.stop().await.unwrap();
}
