//! Is there room on a disk?

use std::path::Path;

use nix::sys::statvfs::statvfs;

/// What PostgreSQL writes ahead at once, in bytes: a file of its log.
const SEGMENT: u64 = 16 << 20;

/// Is there so little room that PostgreSQL may be unable to go on? A disk that cannot be asked has room.
pub(crate) fn is_short(folder: &Path) -> bool {
    statvfs(folder).is_ok_and(|disk| {
        // What only root may fill is none of PostgreSQL's.
        disk.blocks_available().saturating_mul(disk.fragment_size()) < SEGMENT
    })
}
