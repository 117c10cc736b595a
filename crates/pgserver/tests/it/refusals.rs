use crate::support::*;
use pgserver::Options;

#[tokio::test]
async fn a_taken_port_says_who_has_it_and_what_to_change() {
    let port = free_port();
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let home = folder();
    let error = refused(Options { port, ..options(home.path()) }).await;
    assert!(error.contains(&port.to_string()) && error.contains("--db-port") && error.contains("[db] port"), "{error}");
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    drop(listener);
    let server = pgserver::Server::start(Options { port, ..options(home.path()) }, |_| {}).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn folders_of_others_are_refused_and_left_as_they_are() {
    let documents = folder();
    std::fs::write(documents.path().join("thesis.txt"), "x").unwrap();
    let error = refused(options(documents.path())).await;
    assert!(error.contains("is not a data directory of Basalt") && error.contains("--data-dir"), "{error}");
    assert_eq!(documents.path().read_dir().unwrap().count(), 1);

    let cluster = folder();
    std::fs::write(cluster.path().join("PG_VERSION"), "15\n").unwrap();
    let error = refused(options(cluster.path())).await;
    assert!(error.contains("--database-url"), "{error}");

    let half = folder();
    std::fs::create_dir(half.path().join("pgdata")).unwrap();
    std::fs::write(half.path().join("pgdata/notes"), "x").unwrap();
    let error = refused(options(half.path())).await;
    assert!(error.contains("no database"), "{error}");

    std::fs::write(half.path().join("pgdata/PG_VERSION"), "15\n").unwrap();
    let error = refused(options(half.path())).await;
    assert!(error.contains("not made by Basalt"), "{error}");
    assert!(half.path().join("pgdata/notes").exists());
}

#[tokio::test]
async fn data_of_another_major_names_both_versions() {
    let home = folder();
    let server = start(home.path()).await;
    let (data, major) = (server.data_dir().to_owned(), server.major());
    server.stop().await.unwrap();
    let version = data.join("PG_VERSION");

    std::fs::write(&version, "14\n").unwrap();
    let error = refused(options(home.path())).await;
    assert!(error.contains("PostgreSQL 14") && error.contains("15 to 18"), "{error}");

    let installed = pgserver::find::all(None, None).await;
    let missing = (15..=18).find(|major| !installed.iter().any(|found| found.major == *major));
    if let Some(missing) = missing {
        std::fs::write(&version, format!("{missing}\n")).unwrap();
        let error = refused(options(home.path())).await;
        assert!(error.contains(&format!("made by PostgreSQL {missing}")), "{error}");
        assert!(error.contains(&major.to_string()) && error.contains("--fetch-postgres"), "{error}");
    }

    std::fs::write(&version, format!("{major}\n")).unwrap();
    start(home.path()).await.stop().await.unwrap();
}

#[tokio::test]
async fn an_archive_that_is_not_what_was_promised_is_refused() {
    let home = folder();
    let archive = home.path().join("postgres.tar.gz");
    std::fs::write(&archive, "no archive").unwrap();
    let started = folder();
    for (url, expected) in [
        (format!("file://{}#sha256={}", archive.display(), "0".repeat(64)), "hash"),
        (format!("file://{}", archive.display()), "neither a .tar.gz nor a .zip"),
        (format!("file://{}.missing", archive.display()), "No such file"),
        (archive.display().to_string(), "begins with https://"),
    ] {
        let error = refused(Options { archive_url: Some(url), ..options(started.path()) }).await;
        assert!(error.contains(expected) && error.contains("--database-url"), "{error}");
    }
    assert!(!started.path().join("pgdata").exists());
}

#[tokio::test]
async fn a_setting_that_postgres_refuses_is_shown_from_its_log() {
    let home = folder();
    let mut options = options(home.path());
    options.settings.push(("shared_buffers".to_owned(), "plenty".to_owned()));
    let error = refused(options).await;
    assert!(error.contains("shared_buffers") && error.contains("postgresql.log"), "{error}");
}

#[tokio::test]
async fn an_address_of_another_machine_is_refused() {
    let home = folder();
    let error = refused(Options { listen: vec!["192.0.2.1".parse().unwrap()], ..options(home.path()) }).await;
    assert!(error.contains("192.0.2.1") && error.contains("address of this machine"), "{error}");
}

/// A disk of a few megabytes, mounted for a test.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u32) -> Option<Self> {
        let dir = folder();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=755"), "tmpfs"])
            .arg(dir.path())
            .stderr(std::process::Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_called_so_and_the_data_is_there_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(80) else {
        return; // only root mounts
    };
    let home = disk.0.path().join("home");
    let ballast = disk.0.path().join("ballast");

    // No room for a cluster at all.
    std::fs::write(&ballast, vec![1; 60 * 1024 * 1024]).unwrap();
    let error = refused(Options { cache_dir: None, ..options(&home) }).await;
    assert!(error.contains("no space left on the disk"), "{error}");
    std::fs::remove_file(&ballast).unwrap();

    let server = start(&home).await;
    admin(&server).await.batch_execute("create table kept (x int); insert into kept values (1)").await.unwrap();
    let pid = server.pid().unwrap();
    // Room runs out under a running server, which then dies: it recovers as soon as there is room again.
    let mut megabytes = 1;
    while std::fs::write(disk.0.path().join(format!("ballast{megabytes}")), vec![1; 1024 * 1024]).is_ok() {
        megabytes += 1;
    }
    kill(pid);
    let mut state = server.state();
    state.wait_for(|state| matches!(state, pgserver::State::Restarting { .. })).await.unwrap();
    for number in 1..=megabytes {
        let _ = std::fs::remove_file(disk.0.path().join(format!("ballast{number}")));
    }
    state.wait_for(|state| *state == pgserver::State::Ready).await.unwrap();
    assert_eq!(number(&admin(&server).await, "select count(*) from kept").await, 1);
    server.stop().await.unwrap();
}
