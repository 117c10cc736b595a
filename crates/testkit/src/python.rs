use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::Mutex;

/// A Python with the packages of a folder's `requirements.txt`.
#[derive(Debug, Clone)]
pub struct Python(PathBuf);

/// Makes a virtual environment in the target folder, once for each version of `requirements.txt`. `None` where there is no Python 3.11 or
/// later; that is said aloud.
///
/// # Panics
/// A package cannot be installed: the message says why.
pub async fn python_install(folder: &Path) -> Option<Python> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    let _turn = ONE_AT_A_TIME.lock().await;
    let probe = ["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"];
    let probed = Command::new("python3").args(probe).stdin(Stdio::null()).output().await;
    if !probed.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: the clients of Python need python3 (3.11 or later) with venv");
        return None;
    }
    let requirements = folder.join("requirements.txt");
    let wanted = std::fs::read(&requirements).expect("a folder of Python tests has its requirements.txt");
    let environment = target_folder().join("python-clients");
    // Test binaries run side by side, so the marker is written last.
    let marker = environment.join("complete");
    if std::fs::read(&marker).is_ok_and(|installed| installed == wanted) {
        return Some(Python(environment));
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment)).await;
    let pip = environment.join("bin/pip");
    run(Command::new(pip)
        .args(["install", "--quiet", "--disable-pip-version-check", "--retries", "15", "-r"])
        .arg(&requirements))
    .await;
    std::fs::write(marker, wanted).expect("the target folder can be written");
    Some(Python(environment))
}

impl Python {
    /// Runs the tests of `folder` in files that fit `pattern`, with `environment`, and fails with their whole output.
    ///
    /// # Panics
    /// A test fails, or there is none.
    pub async fn unittest(&self, folder: &Path, pattern: &str, environment: &[(&str, &str)]) {
        let output = Command::new(self.0.join("bin/python"))
            .args(["-B", "-W", "error::SyntaxWarning", "-m", "unittest", "discover", "-p", pattern])
            .current_dir(folder)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .expect("the environment has a Python");
        let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && !told.contains("Ran 0 tests"), "{pattern} failed:\n{said}\n{told}");
    }
}

async fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().await.expect("python3 makes environments");
    assert!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Where cargo put the test that runs: `target/debug/deps/name`.
fn target_folder() -> PathBuf {
    let own = std::env::current_exe().expect("a test has a path");
    own.ancestors().nth(3).map_or_else(std::env::temp_dir, Path::to_owned)
}
