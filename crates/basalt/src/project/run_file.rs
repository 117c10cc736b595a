//! `<home>/run.json`: what a running project tells `stop`, `status` and the `db` commands.
//!
//! The file is locked for as long as the project runs. A lock dies with its process, so a stale file is known without guessing
//! from process ids.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// A running project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunInfo {
    /// The process to signal.
    pub pid: u32,
    /// `project_id`.
    pub project: String,
    /// `http://127.0.0.1:54321`
    pub api_url: String,
    /// Where PostgreSQL is, as the superuser reaches it: a socket folder and a port; `None` for `--database-url`.
    pub socket: Option<(PathBuf, u16)>,
    /// The port for applications.
    pub db_port: Option<u16>,
    /// `--database-url`; the file is readable by its owner only.
    #[serde(default)]
    pub database_url: Option<String>,
    /// Where the development inbox is.
    pub inbox_url: Option<String>,
    /// Generated secrets instead of the well-known ones?
    pub production: bool,
}

/// Holds the lock while the project runs; removes the file at the end.
#[derive(Debug)]
pub struct RunFile {
    file: File,
    path: PathBuf,
}

impl RunFile {
    /// Takes the place of this home's running project.
    ///
    /// # Errors
    /// Another process has it.
    pub fn take(home: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(home).with_context(|| {
            format!("cannot create the data directory {} (--data-dir puts it elsewhere)", home.display())
        })?;
        let path = home.join("run.json");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        match lock(&file) {
            Ok(()) => {
                // What a killed process left is not ours to show; empty means that the project is starting.
                file.set_len(0)?;
                Ok(Self { file, path })
            }
            Err(TryLockError::WouldBlock) => {
                let whose = running(home)?.map_or_else(String::new, |info| format!(" by process {}", info.pid));
                bail!(
                    "this project is already running{whose}\n  stop it first: basalt stop, or give --data-dir another folder"
                )
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// Tells where the project is.
    ///
    /// # Errors
    /// The disk is full.
    pub fn publish(&mut self, info: &RunInfo) -> anyhow::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(serde_json::to_string_pretty(info)?.as_bytes())?;
        self.file.flush()?;
        Ok(())
    }
}

/// Takes the lock; who only looks whether somebody has it holds it for a moment, so that one try is not enough.
fn lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(5)),
            other => return other,
        }
    }
    file.try_lock()
}

impl Drop for RunFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Does a project run on this home, or start?
pub fn is_taken(home: &Path) -> bool {
    let file = OpenOptions::new().read(true).open(home.join("run.json"));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The project that runs on this home, if one does.
///
/// # Errors
/// The file is there and cannot be read.
pub fn running(home: &Path) -> anyhow::Result<Option<RunInfo>> {
    let path = home.join("run.json");
    let mut file = match OpenOptions::new().read(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            // Empty while the project is still starting.
            Ok(serde_json::from_str(&text).ok())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_has_one_project_and_a_dead_one_leaves_no_trace() {
        let home = std::env::temp_dir().join(format!("basalt-run-file-{}", std::process::id()));
        let info = RunInfo {
            pid: std::process::id(),
            project: "shop".into(),
            api_url: "http://127.0.0.1:1".into(),
            socket: None,
            db_port: None,
            database_url: None,
            inbox_url: None,
            production: false,
        };
        let mut file = RunFile::take(&home).unwrap();
        file.publish(&info).unwrap();
        assert_eq!(running(&home).unwrap().unwrap().project, "shop");
        let refused = RunFile::take(&home).unwrap_err().to_string();
        assert!(refused.contains("already running") && refused.contains(&info.pid.to_string()), "{refused}");
        drop(file);
        assert!(running(&home).unwrap().is_none());
        std::fs::remove_dir_all(&home).unwrap();
    }
}
