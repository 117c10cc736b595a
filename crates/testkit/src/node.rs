use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::Mutex;

/// Installs the packages of a folder with a `package-lock.json`, once; later calls see that they are there.
///
/// # Panics
/// npm is missing or fails: the message says how.
pub async fn npm_install(folder: &Path) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    let _turn = ONE_AT_A_TIME.lock().await;
    // Test binaries run side by side, so the marker is written last. It says what was installed: the lock file may have changed since.
    let marker = folder.join("node_modules/.complete");
    let wanted = std::fs::read(folder.join("package-lock.json")).unwrap_or_default();
    if std::fs::read(&marker).is_ok_and(|installed| installed == wanted) {
        return;
    }
    // A registry may fail for a moment.
    for patience in (0..3).rev() {
        let output = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(folder)
            .output()
            .await
            .unwrap_or_else(|e| panic!("npm cannot be run ({e}): the client tests need Node 20 or later"));
        if output.status.success() {
            break;
        }
        assert!(patience > 0, "npm ci failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::write(marker, wanted).expect("node_modules can be written");
}

/// Runs `node --test FILE` with `environment` and fails with its whole output.
///
/// # Panics
/// A test of the file fails.
pub async fn node(file: &Path, environment: &[(&str, &str)]) {
    node_all(&[file.to_owned()], environment).await;
}

/// As [`node`], for several files of one folder: they run side by side.
///
/// # Panics
/// A test of a file fails.
pub async fn node_all(files: &[PathBuf], environment: &[(&str, &str)]) {
    let folder = files.first().and_then(|file| file.parent()).map(Path::to_owned).unwrap_or_default();
    let output = Command::new("node")
        .args(["--test", "--test-reporter=spec", "--test-concurrency=4"])
        .args(files)
        .current_dir(folder)
        // supabase-js opens no socket here, but wants to know how: Node 20 has WebSocket behind this flag, later ones ignore it.
        .env("NODE_OPTIONS", "--experimental-websocket")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap_or_else(|e| panic!("node cannot be run ({e}): the client tests need Node 20 or later"));
    assert!(
        output.status.success(),
        "{files:?} failed:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
