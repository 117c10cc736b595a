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

    /// As [`Location::new`], from anywhere inside of a project where no folder is named.
    pub fn find(folder: &Path, data_dir: Option<&Path>) -> Self {
        Self::new(&Self::project(folder), data_dir)
    }

    /// `folder`; for `.`, which is what stands for none, the next folder above that is a project.
    pub fn project(folder: &Path) -> PathBuf {
        let above = || config::find_project(&std::path::absolute(folder).ok()?);
        Some(folder)
            .filter(|folder| *folder == Path::new("."))
            .and_then(|_| above())
            .unwrap_or_else(|| folder.to_owned())
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
