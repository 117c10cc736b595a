use std::path::{Path, PathBuf};

/// Where a project is, and where its data.
#[derive(Debug, Clone)]
pub struct Location {
    folder: PathBuf,
    home: PathBuf,
}

impl Location {
    /// `data_dir`: `--data-dir`; the default is `.basalt` in the project.
    pub fn new(folder: &Path, data_dir: Option<&Path>) -> Self {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let folder: PathBuf = folder.components().filter(|part| *part != std::path::Component::CurDir).collect();
        let home = match data_dir {
            Some(given) => std::path::absolute(given).unwrap_or_else(|_| given.to_owned()),
            None => folder.join(".basalt"),
        };
        Self { folder, home }
    }

    /// The folder that holds `supabase/`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The data directory: cluster, secrets, files, logs.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Secrets of the project, readable by its owner only.
    pub fn secrets(&self) -> PathBuf {
        self.home.join("secrets")
    }
}
