//! Gives back what only the start needed.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::ptr::NonNull;
use std::time::Duration;

use nix::sys::mman::{MmapAdvise, madvise};

/// Who waited for the start has his first answers by now.
const AFTER_START: Duration = Duration::from_secs(10);

/// Unmaps the pages of this program's code a while after the start, for as long as the future is polled: reading configuration,
/// migrations and schemas touched most of them, and answering requests needs a fraction. The kernel maps again what is used, out of its
/// page cache.
pub async fn settle() {
    tokio::time::sleep(AFTER_START).await;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let program = std::env::current_exe().unwrap_or_default();
    for range in code(&maps, &program.to_string_lossy()) {
        release(&range);
    }
}

/// Where the program's code and what lies before it (constants) is mapped, from `/proc/self/maps`. What follows the code may have been
/// written to, though it cannot be any more: relocated addresses.
fn code(maps: &str, program: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for line in maps.lines() {
        // 5615efd3f000-5615efd42000 r--p 00000000 fe:00 247749    /usr/bin/basalt
        let mut words = line.split_ascii_whitespace();
        let (Some(addresses), Some(rights)) = (words.next(), words.next()) else { continue };
        if !line.ends_with(program) || program.is_empty() || !matches!(rights, "r--p" | "r-xp") {
            continue;
        }
        let hex = |digits: &str| usize::from_str_radix(digits, 16).ok();
        if let Some((Some(from), Some(to))) = addresses.split_once('-').map(|(from, to)| (hex(from), hex(to))) {
            ranges.push(from..to);
        }
        if rights == "r-xp" {
            return ranges;
        }
    }
    Vec::new()
}

#[expect(unsafe_code, reason = "there is no safe way to tell the kernel which pages are not needed")]
fn release(range: &Range<usize>) {
    let Some(start) = NonZeroUsize::new(range.start) else { return };
    // SAFETY: the range is a private mapping of the program's file that was never written to (no write right, and it lies not behind
    // the code, where the loader relocates), so each page that is dropped comes back from the file as it was.
    let done = unsafe { madvise(NonNull::<c_void>::without_provenance(start), range.len(), MmapAdvise::MADV_DONTNEED) };
    if let Err(error) = done {
        tracing::debug!(target: "basalt", %error, "the program's pages stay mapped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_written_is_given_back() {
        let maps = "\
10000-20000 r--p 00000000 fe:00 7   /opt/basalt
20000-50000 r-xp 00010000 fe:00 7   /opt/basalt
50000-60000 r--p 00040000 fe:00 7   /opt/basalt
60000-61000 rw-p 00050000 fe:00 7   /opt/basalt
70000-80000 r-xp 00000000 fe:00 9   /lib/libc.so.6";
        assert_eq!(code(maps, "/opt/basalt"), [0x10000..0x20000, 0x20000..0x50000]);
        assert!(code(maps, "/opt/other").is_empty());
        assert!(code(maps, "").is_empty());
        assert!(code("", "/opt/basalt").is_empty());
    }

    #[test]
    fn the_program_goes_on_without_its_pages() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let program = std::env::current_exe().unwrap_or_default();
        let ranges = code(&maps, &program.to_string_lossy());
        assert_eq!(ranges.is_empty(), maps.is_empty());
        for range in &ranges {
            release(range);
        }
        assert_eq!("a b".split(' ').collect::<Vec<_>>(), ["a", "b"]);
    }
}
