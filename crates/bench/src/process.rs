//! What processes used: CPU from the scheduler's own counters, memory from the kernel's maps.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// CPU time of a process and all its threads.
pub fn cpu(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| first_number(&task.path().join("schedstat"))).sum();
    Duration::from_nanos(nanos)
}

/// CPU time of a process and each of its children: all of a PostgreSQL.
pub fn cpu_of_family(pid: u32) -> HashMap<u32, Duration> {
    family(pid).into_iter().map(|pid| (pid, cpu(pid))).collect()
}

/// What a family used between two looks. Members that ended in between are not counted, new ones are in full.
pub fn used(before: &HashMap<u32, Duration>, after: &HashMap<u32, Duration>) -> Duration {
    let of_member = |(pid, cpu): (&u32, &Duration)| cpu.saturating_sub(before.get(pid).copied().unwrap_or_default());
    after.iter().map(of_member).sum()
}

/// Proportional memory in KiB: shared pages count in parts.
pub fn pss_kib(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The same of a process and its children.
pub fn pss_kib_of_family(pid: u32) -> u64 {
    family(pid).into_iter().map(pss_kib).sum()
}

fn family(pid: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|p| *p == pid || parent(*p) == Some(pid)).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn first_number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}
