use crate::support::*;
use pgserver::{Options, Server, State};

#[tokio::test]
async fn a_killed_postmaster_comes_back_with_every_acknowledged_row() {
    let home = folder();
    let server = start(home.path()).await;
    admin(&server).await.batch_execute("create table kept (x int)").await.unwrap();
    let mut state = server.state();
    for round in 1..=3 {
        let client = admin(&server).await;
        client.execute("insert into kept values (1)", &[]).await.unwrap();
        // A backend that does not look up from its work after its postmaster's death, and would not end by itself.
        let busy = tokio::spawn(async move { client.batch_execute("do $$ begin loop null; end loop; end $$").await });
        let at_work = "select count(*) from pg_stat_activity where state = 'active' and query like 'do %'";
        while number(&admin(&server).await, at_work).await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let pid = server.pid().unwrap();
        kill(pid);
        state.wait_for(|state| matches!(state, State::Restarting { .. })).await.unwrap();
        state.wait_for(|state| *state == State::Ready).await.unwrap();
        assert_ne!(server.pid(), Some(pid));
        assert!(busy.await.unwrap().is_err(), "its connection is gone");
        assert_eq!(number(&admin(&server).await, "select count(*) from kept").await, round);
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_backend_costs_no_acknowledged_row() {
    let home = folder();
    let server = start(home.path()).await;
    let client = admin(&server).await;
    client.batch_execute("create table kept (x int); insert into kept values (1)").await.unwrap();
    let backend = number(&client, "select pg_backend_pid()::int8").await;
    kill(backend.try_into().unwrap());
    let config = server.admin_config("postgres");
    let mut kept = None;
    for attempt in 0.. {
        // PostgreSQL ends all connections, new ones too until it has noticed, and recovers by itself.
        match connect(&config).await {
            Ok(client) => kept = client.query_one("select count(*) from kept", &[]).await.ok(),
            Err(error) => assert!(attempt < 600, "{error:?}"),
        }
        if kept.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(kept.unwrap().get::<_, i64>(0), 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_whose_basalt_was_killed_is_adopted() {
    let home = folder();
    let holder = Holder::start(home.path(), &[]);
    let postmaster = holder.postmaster();
    let port: u16 = holder.word("port").parse().unwrap();
    holder.kill();
    assert!(is_alive(postmaster));

    let server = start(home.path()).await;
    assert_eq!((server.pid(), server.port()), (Some(postmaster), port), "the same process serves on");
    admin(&server).await.batch_execute("create table kept ()").await.unwrap();

    // It is watched as a child would be.
    let mut state = server.state();
    kill(postmaster);
    state.wait_for(|state| matches!(state, State::Restarting { .. })).await.unwrap();
    state.wait_for(|state| *state == State::Ready).await.unwrap();
    assert_eq!(number(&admin(&server).await, "select count(*) from pg_class where relname = 'kept'").await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_left_with_other_settings_is_stopped_and_started_anew() {
    let home = folder();
    let holder = Holder::start(home.path(), &["--set", "work_mem=5MB"]);
    let postmaster = holder.postmaster();
    holder.kill();
    let server = start(home.path()).await;
    assert_ne!(server.pid(), Some(postmaster));
    let work_mem: String = admin(&server).await.query_one("show work_mem", &[]).await.unwrap().get(0);
    assert_eq!(work_mem, "4MB");
    server.stop().await.unwrap();
    assert!(!is_alive(postmaster));
}

#[tokio::test]
async fn what_a_power_cut_leaves_does_not_prevent_the_next_start() {
    let home = folder();
    let holder = Holder::start(home.path(), &["--port", &free_port().to_string()]);
    let postmaster = holder.postmaster();
    let (port, sockets) = (holder.word("port"), holder.word("socket"));
    holder.kill();
    kill(postmaster);
    eventually("the postmaster is gone", || !is_alive(postmaster)).await;
    let pid_file = home.path().join("pgdata/postmaster.pid");
    // After a reboot its number may be anybody's: here it is ours.
    let text = std::fs::read_to_string(&pid_file).unwrap();
    std::fs::write(&pid_file, text.replacen(&postmaster.to_string(), &std::process::id().to_string(), 1)).unwrap();
    let socket_lock = std::path::PathBuf::from(&sockets).join(format!(".s.PGSQL.{port}.lock"));
    let text = std::fs::read_to_string(&socket_lock).unwrap();
    std::fs::write(&socket_lock, text.replacen(&postmaster.to_string(), &std::process::id().to_string(), 1)).unwrap();
    // A start that was cut off while it made things.
    std::fs::create_dir(home.path().join("pgdata.new")).unwrap();
    std::fs::create_dir(home.path().join("postgres-15.new")).unwrap();

    let port = port.parse().unwrap();
    let server = Server::start(Options { port, ..options(home.path()) }, |_| {}).await.unwrap();
    assert!(!server.fresh());
    assert_eq!(number(&admin(&server).await, "select 1::int8").await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_throw_away_cluster_goes_with_its_process() {
    let parent = folder();
    let home = parent.path().join("home");
    let holder = Holder::start(&home, &["--throw-away"]);
    let postmaster = holder.postmaster();
    let sockets = std::path::PathBuf::from(holder.word("socket"));
    assert!(is_alive(postmaster) && home.exists() && sockets.exists());
    holder.kill();
    eventually("the cluster is gone", || !is_alive(postmaster) && !home.exists() && !sockets.exists()).await;
}

#[tokio::test]
async fn a_home_is_held_by_one_process() {
    let home = folder();
    let holder = Holder::start(home.path(), &[]);
    let error = refused(options(home.path())).await;
    assert!(error.contains(&format!("process {}", holder.child.id())) && error.contains("basalt stop"), "{error}");
    let postmaster = holder.postmaster();
    assert!(is_alive(postmaster), "the refusal touched nothing");
    holder.kill();
    start(home.path()).await.stop().await.unwrap();
}

#[tokio::test]
async fn a_postmaster_that_somebody_else_started_is_left_alone() {
    let home = folder();
    let at = Options { port: free_port(), ..options(home.path()) };
    let server = Server::start(at, |_| {}).await.unwrap();
    let (data, bin) = (server.data_dir().to_owned(), server.installation().bin.clone());
    server.stop().await.unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&data.metadata().unwrap());
    let mut command = std::process::Command::new(bin.join("postgres"));
    std::os::unix::process::CommandExt::uid(&mut command, owner);
    let sockets = folder();
    std::fs::set_permissions(sockets.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let null = std::process::Stdio::null;
    let mut foreign =
        command.arg("-D").arg(&data).arg("-k").arg(sockets.path()).stdout(null()).stderr(null()).spawn().unwrap();
    let ready = || std::fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| text.contains("ready"));
    eventually("it is ready", ready).await;
    let error = refused(options(home.path())).await;
    assert!(error.contains(&format!("kill -INT {}", foreign.id())), "{error}");
    assert!(is_alive(foreign.id()));
    kill(foreign.id());
    foreign.wait().unwrap();
}

#[tokio::test]
async fn a_dropped_server_stops() {
    let home = folder();
    let server = start(home.path()).await;
    let pid = server.pid().unwrap();
    drop(server);
    eventually("it stopped", || !is_alive(pid)).await;
    start(home.path()).await.stop().await.unwrap();
}

#[tokio::test]
async fn data_that_is_removed_under_a_server_is_not_made_anew_by_itself() {
    let home = folder();
    let server = start(home.path()).await;
    let mut state = server.state();
    let pid = server.pid().unwrap();
    std::fs::remove_dir_all(server.data_dir()).unwrap();
    kill(pid);
    state.wait_for(|state| *state == State::Stopped).await.unwrap();
    let error = server.stop().await.unwrap_err().to_string();
    assert!(error.contains("was removed"), "{error}");
}

#[tokio::test]
async fn a_later_stop_during_a_restart_leaves_nothing() {
    let home = folder();
    let server = Server::start(Options { ..options(home.path()) }, |_| {}).await.unwrap();
    let mut state = server.state();
    kill(server.pid().unwrap());
    state.wait_for(|state| matches!(state, State::Restarting { .. })).await.unwrap();
    server.stop().await.unwrap();
    assert_eq!(*state.borrow(), State::Stopped);
    start(home.path()).await.stop().await.unwrap();
}
