//! The database as the migrations make it, for everything that tries things: access matrix, pgTAP, mutants, the gate.
//!
//! It lives in a cluster of its own in `<home>/shadow`, not beside the users' data: roles belong to a cluster, so a migration that makes
//! or alters one would meet, or change, those of the running project. That cluster promises nothing (no fsync), listens on no port,
//! and runs while a [`Shadow`] is open. It never holds a copy of users' data.
//!
//! What was made once is kept as a template, named by a hash of all that went into it (see [`keys`]); a new migration is replayed onto a
//! copy of the template before it. Of each kind the two newest are kept. A second command at the same time gets a cluster that is
//! thrown away afterwards.

mod cluster;
mod keys;
mod templates;

use base::Clock;
use migrate::{Migration, Options, RunAs, Step};
use pg::Target;

use super::Plan;
use crate::progress::Progress;
use cluster::Cluster;

/// The shadow of one project. End it by [`Shadow::finish`]; dropped, its PostgreSQL is told to stop and not waited for.
pub struct Shadow<'a> {
    plan: &'a Plan,
    progress: &'a Progress,
    cluster: Cluster,
}

/// A database that copies are made of. Nobody connects to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    name: String,
}

/// A copy to do anything with. Give it to [`Shadow::discard`]; what is forgotten goes at the next start.
#[derive(Debug, Clone)]
pub struct Scratch {
    /// As the superuser.
    pub admin: Target,
    /// As `postgres`, like migrations and tools.
    pub postgres: Target,
}

impl<'a> Shadow<'a> {
    /// Starts the shadow's cluster.
    ///
    /// # Errors
    /// There is no PostgreSQL, or it cannot be started.
    pub async fn open(plan: &'a Plan, progress: &'a Progress) -> anyhow::Result<Self> {
        progress.step("Starting the shadow database");
        let cluster = Cluster::start(plan).await?;
        Ok(Self { plan, progress, cluster })
    }

    /// The database after all migrations of the project, with its buckets and without any seed.
    ///
    /// # Errors
    /// A migration fails: the error is the one that the real database would give.
    pub async fn migrated(&mut self) -> anyhow::Result<Template> {
        let files = migrate::migrations(&self.plan.paths.migrations())?.files;
        self.migrated_by(&files).await
    }

    /// The database after `files`, which may be fewer than all.
    ///
    /// # Errors
    /// As [`Shadow::migrated`].
    pub async fn migrated_by(&mut self, files: &[Migration]) -> anyhow::Result<Template> {
        let keys = keys::of_migrations(self.plan, files)?;
        let usable = self.cluster.usable().await?;
        let template = |count: usize| format!("migrated_{}", keys[count]);
        if let Some(nearest) = (0..=files.len()).rev().find(|count| usable.contains(&template(*count))) {
            if nearest == files.len() {
                return Ok(Template { name: template(nearest) });
            }
            match self.replay(files, &keys, nearest).await {
                Ok(made) => return Ok(made),
                // It may be the way there that is wrong, not the migration: then it works from the start.
                Err(error) if nearest > 0 => tracing::debug!(%error, nearest, "replayed from the start"),
                Err(error) => return Err(error),
            }
        }
        if !self.cluster.is_virgin() {
            // Roles of an earlier state of the project are in the way, and cannot be told from those that the migrations make.
            self.cluster.renew(self.plan).await?;
        }
        self.progress.step("Preparing the shadow database");
        let (plan, vault_key) = (self.plan, self.cluster.vault_key()?);
        let build = async |target: &Target| templates::platform(plan, target, &vault_key).await;
        self.cluster.build(&template(0), None, build).await?;
        if files.is_empty() {
            return Ok(Template { name: template(0) });
        }
        self.replay(files, &keys, 0).await
    }

    /// Migrations onto the template of the first `from` ones. The newest is a template of its own, since it is the one that is edited.
    async fn replay(&mut self, files: &[Migration], keys: &[String], from: usize) -> anyhow::Result<Template> {
        let mut below = format!("migrated_{}", keys[from]);
        let stops = if files.len() > from + 1 { vec![files.len() - 1, files.len()] } else { vec![files.len()] };
        for stop in stops {
            let name = format!("migrated_{}", keys[stop]);
            let (plan, progress) = (self.plan, self.progress);
            let build = async |target: &Target| templates::migrations(plan, target, &files[..stop], progress).await;
            self.cluster.build(&name, Some(&below), build).await?;
            below = name;
        }
        self.cluster.keep_two("migrated_", &below, &format!("migrated_{}", keys[0])).await?;
        Ok(Template { name: below })
    }

    /// `below` with the project's seeds in it, as pgTAP tests expect.
    ///
    /// # Errors
    /// A seed fails.
    pub async fn seeded(&mut self, below: &Template) -> anyhow::Result<Template> {
        let patterns = &self.plan.config.db.seed.sql_paths;
        let (files, _) = migrate::matching(patterns);
        if files.is_empty() || !self.plan.config.db.seed.enabled {
            return Ok(below.clone());
        }
        // Seeds write `now()`, and tests of a month later would find nothing of these days.
        let key = keys::combined(&keys::of_files(&files)?, &Clock::system().now().date().to_string());
        let (plan, progress) = (self.plan, self.progress);
        self.layer(below, "seeded", &key, async |target| {
            let client = target.connect().await?;
            let show = |step: Step<'_>| progress.step(&format!("Seeding the shadow database from {}", step.file));
            migrate::seed(&client, &plan.paths.project, patterns, &RunAs::postgres(target), &show).await?;
            Ok(())
        })
        .await
    }

    /// `below` with what `build` adds, kept as a template of `kind` under `key`: all that `build` depends on. A kind is lower-case
    /// letters.
    ///
    /// # Errors
    /// `build` fails: nothing is kept.
    pub async fn layer(
        &mut self,
        below: &Template,
        kind: &str,
        key: &str,
        build: impl AsyncFnOnce(&Target) -> anyhow::Result<()>,
    ) -> anyhow::Result<Template> {
        let name = format!("{kind}_{}", keys::combined(&below.name, key));
        if !self.cluster.usable().await?.contains(&name) {
            self.cluster.build(&name, Some(&below.name), build).await?;
            self.cluster.keep_two(&format!("{kind}_"), &name, &below.name).await?;
        }
        Ok(Template { name })
    }

    /// A fresh copy.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn copy(&mut self, template: &Template) -> anyhow::Result<Scratch> {
        let admin = self.cluster.copy(&template.name).await?;
        Ok(Scratch { postgres: admin.as_role("postgres", &cluster::password()), admin })
    }

    /// A copy of a copy, as it is now. Whoever is in that one is sent away first.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn copy_of(&mut self, scratch: &Scratch) -> anyhow::Result<Scratch> {
        self.cluster.empty(&scratch.admin.database).await?;
        self.copy(&Template { name: scratch.admin.database.clone() }).await
    }

    /// Drops a copy, and ends whoever is in it.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn discard(&self, scratch: Scratch) -> anyhow::Result<()> {
        self.cluster.drop_database(&scratch.admin.database).await
    }

    /// Stops the cluster, whatever came of the work; a full disk is named in an error.
    ///
    /// # Errors
    /// That of `result`; or the cluster does not stop.
    pub async fn finish<T>(self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        self.cluster.finish(result).await
    }
}

/// How migrations run on a shadow: as on a fresh project.
fn how(admin: &Target) -> Options {
    Options::development(RunAs::postgres(admin))
}
