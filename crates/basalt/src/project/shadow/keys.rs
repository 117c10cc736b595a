//! What a template's name is made of: a hash over all that went into it.

use std::path::PathBuf;

use anyhow::Context;
use migrate::Migration;
use sha2::{Digest, Sha256};

use super::Plan;

/// Changed whenever a template is made in another way.
const FORMAT: &str = "1";

/// Keys after none, one, two … and all of `files`: a key says everything that came before.
pub fn of_migrations(plan: &Plan, files: &[Migration]) -> anyhow::Result<Vec<String>> {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    add(FORMAT);
    add(&platform::fingerprint());
    for (name, sql) in auth::MIGRATIONS.iter().chain(mail::MIGRATIONS) {
        add(name);
        add(sql);
    }
    add(&plan.config.api.exposes_new_tables().to_string());
    // Buckets and secrets are what a further migration may rely on; they are made after the newest one.
    add(&format!("{:?}", plan.config.storage.buckets));
    add(&plan.config.db.vault.keys().cloned().collect::<Vec<_>>().join("\n"));
    let roles = plan.paths.supabase.join("roles.sql");
    if roles.is_file() {
        add(&read(&roles)?);
    }
    let mut keys = vec![short(hash.clone())];
    for file in files {
        hash.update(file.file_name());
        hash.update([0]);
        hash.update(Sha256::digest(read(&file.path)?));
        keys.push(short(hash.clone()));
    }
    Ok(keys)
}

/// A key of the contents of files, in this order.
pub fn of_files(files: &[PathBuf]) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(Sha256::digest(read(file)?));
    }
    Ok(short(hash))
}

/// A key of what is below and what is added.
pub fn combined(below: &str, key: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(below);
    hash.update([0]);
    hash.update(key);
    short(hash)
}

fn short(hash: Sha256) -> String {
    hex::encode(&hash.finalize()[..10])
}

fn read(path: &std::path::Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
