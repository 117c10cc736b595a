//! Is the port for applications free, and if not, whose is it?

use std::net::{IpAddr, SocketAddr, TcpListener};

use crate::error::Error;

/// Finds a free port of the first address, or checks the one that was asked for on all of them.
pub(crate) fn claim(listen: &[IpAddr], port: u16) -> Result<u16, Error> {
    let Some(first) = listen.first() else {
        // Only names the socket's file.
        return Ok(if port == 0 { 5432 } else { port });
    };
    if port == 0 {
        let listener = TcpListener::bind(SocketAddr::new(*first, 0)).map_err(|error| trouble(*first, 0, error))?;
        return listener.local_addr().map(|address| address.port()).map_err(|error| trouble(*first, 0, error));
    }
    for address in listen {
        // SO_REUSEADDR is set by the standard library, as PostgreSQL does: connections in TIME_WAIT do not matter.
        TcpListener::bind(SocketAddr::new(*address, port)).map_err(|error| trouble(*address, port, error))?;
    }
    Ok(port)
}

fn trouble(address: IpAddr, port: u16, source: std::io::Error) -> Error {
    let address_text = address.to_string();
    if source.kind() == std::io::ErrorKind::AddrInUse {
        return Error::PortTaken { address: address_text, port, holder: listener_on(port) };
    }
    Error::Listen { address: address_text, port, source }
}

/// The program that listens on a port, as `postgres (process 123)`; only where /proc tells it and we may look.
pub(crate) fn listener_on(port: u16) -> Option<String> {
    let inodes = listening_inodes(port);
    if inodes.is_empty() {
        return None;
    }
    for entry in std::fs::read_dir("/proc").ok()?.filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(files) = entry.path().join("fd").read_dir() else { continue };
        let holds = files.filter_map(Result::ok).filter_map(|file| file.path().read_link().ok()).any(|target| {
            let target = target.to_string_lossy();
            inodes.iter().any(|inode| target == format!("socket:[{inode}]"))
        });
        if holds {
            let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {pid})", name.trim()));
        }
    }
    None
}

fn listening_inodes(port: u16) -> Vec<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(|line| inode_of_listener(line, port)).collect()
}

/// A line of /proc/net/tcp: `sl local:PORT remote:PORT state … inode`; state 0A listens.
fn inode_of_listener(line: &str, port: u16) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
    let listens = *fields.get(3)? == "0A" && u16::from_str_radix(local_port, 16) == Ok(port);
    listens.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_taken_port_names_its_holder_and_the_way_out() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = claim(&[IpAddr::V4(Ipv4Addr::LOCALHOST)], port).unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("--db-port"), "{error}");
        if cfg!(target_os = "linux") {
            assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        }
    }
}
