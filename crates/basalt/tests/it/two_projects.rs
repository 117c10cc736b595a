//! Two projects, side by side and in one process, see nothing of each other.

use crate::world::{Folder, PATIENCE, basalt, free_port, http_get, query};

fn project(name: &str, api: u16, db: u16) -> Folder {
    let folder = Folder::with_migrations(&[(
        "20260101000000_rooms.sql",
        &format!(
            "create table public.{name}_rooms (id int primary key); insert into public.{name}_rooms values (1);
                  grant select on public.{name}_rooms to anon;"
        ),
    )]);
    folder.write(
        "supabase/config.toml",
        &format!("project_id = \"{name}\"\n[api]\nport = {api}\n[db]\nport = {db}\n[inbucket]\nenabled = false\n"),
    );
    folder
}

#[test]
fn two_projects_in_one_process_share_nothing() {
    let ports = [free_port(), free_port(), free_port(), free_port()];
    let (north, south) = (project("north", ports[0], ports[1]), project("south", ports[2], ports[3]));
    let mut child = basalt()
        .arg("start")
        .args([&north.0, &south.0])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    for port in [ports[0], ports[2]] {
        while http_get(port, "/health", &[]).is_none_or(|(status, _)| status != 200) {
            assert!(child.try_wait().unwrap().is_none(), "basalt start A B ended");
            assert!(std::time::Instant::now() < deadline, "not ready in time");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    let status = |port, table: &str| http_get(port, &format!("/rest/v1/{table}"), &[]).unwrap().0;
    assert_eq!((status(ports[0], "north_rooms"), status(ports[0], "south_rooms")), (200, 404));
    assert_eq!((status(ports[2], "south_rooms"), status(ports[2], "north_rooms")), (200, 404));
    let tables = query(
        &format!("postgresql://postgres:postgres@127.0.0.1:{}/postgres", ports[3]),
        "select relname from pg_class where relname like '%\\_rooms'",
    );
    assert_eq!(tables.unwrap(), vec![vec![Some("south_rooms".to_owned())]]);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn equal_ports_are_refused_with_the_line_to_change() {
    let ports = [free_port(), free_port(), free_port()];
    let (north, south) = (project("north", ports[0], ports[1]), project("south", ports[0], ports[2]));
    let output = basalt().arg("start").args([&north.0, &south.0]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains(&ports[0].to_string()) && text.contains("[api]") && text.contains("config.toml"), "{text}");
}
