use sha2::{Digest, Sha256};

use crate::install::Rights;

/// A part of the platform that may be there already, made by someone else: then it is adopted and stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// Roles, schemas, grants: always ours to bring about, and idempotent.
    Base,
    Auth,
    Storage,
    Realtime,
    Graphql,
    Functions,
}

/// One file of `sql/`.
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) area: Area,
    sql: &'static str,
}

macro_rules! file {
    ($name:literal, $area:ident) => {
        File { name: $name, area: Area::$area, sql: include_str!(concat!("../sql/", $name)) }
    };
}

/// In the order in which they are applied.
pub(crate) const FILES: &[File] = &[
    file!("0001_roles.sql", Base),
    file!("0002_schemas.sql", Base),
    file!("0003_extensions.sql", Base),
    file!("0010_auth_tables.sql", Auth),
    file!("0011_auth_provider_tables.sql", Auth),
    file!("0012_auth_functions.sql", Auth),
    file!("0020_storage_tables.sql", Storage),
    file!("0021_storage_functions.sql", Storage),
    file!("0022_storage_versions.sql", Storage),
    file!("0023_storage_prefixes.sql", Storage),
    file!("0030_realtime.sql", Realtime),
    file!("0040_graphql.sql", Graphql),
    file!("0041_functions.sql", Functions),
    file!("0050_our_extensions.sql", Base),
    file!("0060_event_triggers.sql", Base),
    file!("0061_foreign_data.sql", Base),
    file!("0070_elevation.sql", Base),
];

/// A hash over everything that an installation brings, extensions included: two builds that would make the same database have the same.
pub fn fingerprint() -> String {
    let mut hash = Sha256::new();
    for file in FILES {
        hash.update(file.name);
        hash.update(file.sql);
    }
    for file in crate::extension_files() {
        hash.update(file.name);
        hash.update(file.contents);
    }
    hex::encode(hash.finalize())
}

/// A run of statements under one `--: title` line of a file.
pub(crate) struct Block {
    pub(crate) title: &'static str,
    pub(crate) sql: String,
}

impl File {
    /// SHA-256 of the text, in hex.
    pub(crate) fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.sql.as_bytes()))
    }

    /// The blocks for these rights: those without a mark, and those marked `as superuser` or `as managed` accordingly.
    pub(crate) fn blocks(&self, rights: Rights) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut wanted = false;
        for line in self.sql.lines() {
            if let Some(title) = line.strip_prefix("--: ") {
                wanted = match title {
                    t if t.ends_with("as superuser") => rights == Rights::Superuser,
                    t if t.ends_with("as managed") => rights == Rights::Managed,
                    _ => true,
                };
                if wanted {
                    blocks.push(Block { title, sql: String::new() });
                }
            } else if wanted && let Some(block) = blocks.last_mut() {
                block.sql.push_str(line);
                block.sql.push('\n');
            }
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_every_file_has_blocks() {
        assert!(FILES.windows(2).all(|pair| pair[0].name < pair[1].name));
        for file in FILES {
            assert!(!file.blocks(Rights::Superuser).is_empty(), "{} has no block", file.name);
        }
    }

    #[test]
    fn blocks_follow_the_rights() {
        let roles = &FILES[0];
        let superuser = roles.blocks(Rights::Superuser);
        let managed = roles.blocks(Rights::Managed);
        assert!(superuser.iter().any(|b| b.sql.contains("createrole replication bypassrls")));
        assert!(!managed.iter().any(|b| b.sql.contains("bypassrls nosuperuser")));
    }
}
