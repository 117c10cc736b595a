//! `start --detach`, `status`, `stop`: what is shown, what is kept in logs, and what a killed process leaves.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::world::{Folder, PATIENCE, World, basalt, free_port, http, root, run, stderr};

/// Starts in the background on free ports; gives what was printed.
fn detach(folder: &Folder, args: &[&str], environment: &[(&str, &str)]) -> String {
    let (port, db_port) = (free_port().to_string(), free_port().to_string());
    let output = basalt()
        .args(["start", "--detach", "--port", &port, "--db-port", &db_port])
        .args(args)
        .envs(environment.iter().copied())
        .current_dir(&folder.0)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn json(folder: &Folder, environment: &[(&str, &str)]) -> serde_json::Map<String, serde_json::Value> {
    let mut command = basalt();
    command.args(["status", "-o", "json"]).envs(environment.iter().copied()).current_dir(&folder.0);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn first_line_number(path: &Path) -> i32 {
    read(path).lines().next().unwrap().trim().parse().unwrap()
}

fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
fn https_is_in_every_url_an_expired_certificate_is_named_and_no_secret_is_logged() {
    let folder = Folder::with_migrations(&[]);
    let pem = root().join("crates/web/tests/expired.pem");
    let pem = pem.to_str().unwrap();
    folder.write("supabase/config.toml", "project_id = \"it\"\n[db]\npassword = \"env(OUR_PASSWORD)\"\n");
    let own =
        [("OUR_PASSWORD", "a-password-of-ours"), ("SUPABASE_AUTH_JWT_SECRET", "a-secret-of-ours-that-is-long-enough")];
    let printed = detach(&folder, &["--tls-cert", pem, "--tls-key", pem], &own);
    assert!(printed.contains("API URL: https://127.0.0.1:"), "{printed}");
    let status = json(&folder, &own);
    for key in ["API_URL", "REST_URL"] {
        assert!(status[key].as_str().unwrap().starts_with("https://127.0.0.1:"), "{key}: {}", status[key]);
    }
    assert!(read(&folder.0.join(".basalt/run.json")).contains("\"https://127.0.0.1:"));
    let log = read(&folder.0.join(".basalt/logs/basalt.log"));
    assert!(log.contains("expired.pem expired on 2020-02-01"), "{log}");
    assert_eq!(
        status["DB_URL"].as_str().unwrap().split(':').nth(2).unwrap().split('@').next(),
        Some("a-password-of-ours")
    );
    let secrets = ["SECRET_KEY", "JWT_SECRET", "SERVICE_ROLE_KEY", "DB_URL"].map(|key| status[key].as_str().unwrap());
    for secret in secrets.iter().copied().chain(["a-password-of-ours"]) {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        assert!(!printed.contains(secret), "{secret} is shown where no terminal is:\n{printed}");
    }
    // What has no service yet has no line either.
    for key in ["STUDIO_URL", "GRAPHQL_URL", "FUNCTIONS_URL", "STORAGE_S3_URL"] {
        assert!(!status.contains_key(key), "{key} is promised");
    }
    let output = run(&["stop"], &folder.0);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn stop_ends_the_postgresql_that_a_killed_basalt_left() {
    let folder = Folder::with_migrations(&[]);
    detach(&folder, &[], &[]);
    let info: serde_json::Value = serde_json::from_str(&read(&folder.0.join(".basalt/run.json"))).unwrap();
    let basalt = i32::try_from(info["pid"].as_i64().unwrap()).unwrap();
    let pid_file = folder.0.join(".basalt/pgdata/postmaster.pid");
    let postmaster = first_line_number(&pid_file);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(basalt), nix::sys::signal::Signal::SIGKILL).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while is_alive(basalt) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(is_alive(postmaster), "the postmaster lives on, or this test shows nothing");
    let output = run(&["stop"], &folder.0);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains(&postmaster.to_string()), "{said}{}", stderr(&output));
    assert!(!is_alive(postmaster) && !pid_file.exists(), "it has stopped cleanly");
    let again = run(&["stop"], &folder.0);
    assert!(String::from_utf8_lossy(&again.stdout).contains("is not running"));
}

#[test]
fn a_project_is_found_from_within_and_its_notes_are_shown() {
    let folder = Folder::with_migrations(&[]);
    folder.write("supabase/config.toml", "project_id = \"it\"\n[nonsense]\na = 1\n");
    folder.write("src/lib/x.ts", "");
    let within = folder.0.join("src/lib");
    let (port, db_port) = (free_port().to_string(), free_port().to_string());
    let output = run(&["start", "--detach", "--port", &port, "--db-port", &db_port], &within);
    let said = stderr(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("unknown key nonsense is ignored") && !said.contains("NOTICE"), "{said}");
    assert!(!read(&folder.0.join(".basalt/logs/basalt.log")).contains("already exists"), "our own steps are no news");
    let status = run(&["status"], &within);
    assert!(String::from_utf8_lossy(&status.stdout).contains(&port), "{}", stderr(&status));
    assert!(run(&["stop"], &within).status.success());
    assert!(!folder.0.join(".basalt/run.json").exists() && !within.join(".basalt").exists());

    // A power cut leaves an empty pid file.
    folder.write(".basalt/pgdata/postmaster.pid", "");
    detach(&folder, &[], &[]);
    assert!(run(&["stop"], &folder.0).status.success());
}

#[test]
fn the_end_of_the_terminal_is_a_clean_stop() {
    // Under `nohup` the tests ignore it, and what they start is right to do the same.
    let status = read(Path::new("/proc/self/status"));
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    if u64::from_str_radix(ignored, 16).unwrap() & 1 == 1 {
        return;
    }
    let mut world = World::start_in(Folder::with_migrations(&[]), &[]);
    let pid_file = world.folder.0.join(".basalt/pgdata/postmaster.pid");
    assert!(pid_file.exists());
    assert!(world.end_by(nix::sys::signal::Signal::SIGHUP), "{}", world.log());
    assert!(!pid_file.exists() && world.log().contains("Stopping"), "{}", world.log());
}

#[test]
fn a_full_disk_under_the_log_ends_nothing() {
    let folder = Folder::with_migrations(&[]);
    std::os::unix::fs::symlink("/dev/full", folder.0.join("it.log")).unwrap();
    let mut world = World::start_in(folder, &[]);
    let pid_file = world.folder.0.join(".basalt/pgdata/postmaster.pid");
    assert!(pid_file.exists());
    assert!(world.end_by(nix::sys::signal::Signal::SIGTERM));
    assert!(!pid_file.exists(), "PostgreSQL was stopped in order");
}

#[test]
fn connections_that_nobody_uses_are_closed() {
    let world = World::start_in(Folder::with_migrations(&[]), &[]);
    let open = || {
        let sql =
            "select count(*) from pg_stat_activity where backend_type = 'client backend' and usename like 'supabase%'";
        world.sql(sql).unwrap()[0][0].clone().unwrap()
    };
    let deadline = Instant::now() + 2 * PATIENCE;
    // The one that listens stays.
    while open() != "1" {
        assert!(Instant::now() < deadline, "{} connections stay open", open());
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Not even where everything is logged: libraries would print what goes over their wires.
#[test]
fn the_fullest_log_holds_no_token_and_no_letter() {
    let world = World::start_in(Folder::with_migrations(&[]), &["--log", "trace"]);
    let anon = world.status()["ANON_KEY"].clone();
    let post = |path: &str, body: &str| {
        let headers = [("apikey", anon.as_str()), ("content-type", "application/json")];
        let (status, body) = http(world.port, "POST", path, &headers, body).unwrap();
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<serde_json::Value>(&body).unwrap()
    };
    let who = r#"{"email":"ada@x.test","password":"correct horse battery"}"#;
    let session = post("/auth/v1/signup", who);
    let refreshed = post(
        "/auth/v1/token?grant_type=refresh_token",
        &format!(r#"{{"refresh_token":{}}}"#, session["refresh_token"]),
    );
    post("/auth/v1/recover", r#"{"email":"ada@x.test"}"#);
    let rows = world.sql("select recovery_token, encrypted_password from auth.users").unwrap();
    let log = world.log();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "{log}");
    let secrets = [
        session["refresh_token"].as_str().unwrap(),
        refreshed["refresh_token"].as_str().unwrap(),
        rows[0][0].as_deref().unwrap(),
        rows[0][1].as_deref().unwrap(),
        "correct horse battery",
        anon.as_str(),
    ];
    for secret in secrets {
        assert!(secret.len() > 8 && !log.contains(secret), "{secret} is in the log");
    }
}
