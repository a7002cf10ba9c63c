//! What the kernel knows of one of our TCP connections: what was acknowledged, and how far the other side lets us send.
//!
//! rtmp2sink keeps its socket to itself, so the connection is found by its port among those of this process, and read through
//! Linux's `sock_diag(7)`. Without that (another system, an odd sandbox) nothing is found, and what the sink says must do.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::freeze::Reading;

/// `AF_NETLINK`, `NETLINK_SOCK_DIAG`, `SOCK_DIAG_BY_FAMILY`, `NLM_F_REQUEST | NLM_F_DUMP`, `IPPROTO_TCP`,
/// `INET_DIAG_INFO`, `TCP_ESTABLISHED`, of Linux's headers.
const NETLINK: i32 = 16;
const SOCK_DIAG: i32 = 4;
const BY_FAMILY: u16 = 20;
const DUMP: u16 = 0x301;
const TCP: u8 = 6;
const INFO: u16 = 2;
const ESTABLISHED: u32 = 1 << 1;
const FAMILIES: [u8; 2] = [2, 10];
/// `NLMSG_ERROR` and `NLMSG_DONE`; smaller kinds are the protocol's own.
const LAST_CONTROL: u16 = 15;
/// Places in `struct tcp_info` (include/uapi/linux/tcp.h): `tcpi_bytes_acked`, `tcpi_snd_wnd` (Linux 5.4).
const BYTES_ACKED: usize = 120;
const SEND_WINDOW: usize = 228;

/// Connections that are watched already.
static TAKEN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// One socket of the kernel's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    inode: u32,
    remote: SocketAddr,
    waiting: u32,
    acknowledged: u64,
    window: u32,
}

/// Finds the connection that is about to be made.
#[derive(Debug)]
pub(super) struct Search {
    port: u16,
    /// Connections to that port which were there before.
    old: BTreeSet<u32>,
}

/// A connection that was found.
#[derive(Debug)]
pub(super) struct Connection {
    inode: u32,
    /// The other side.
    pub(super) remote: SocketAddr,
}

impl Search {
    /// Before it is made.
    pub(super) fn start(port: u16) -> Self {
        Self {
            port,
            old: entries().into_iter().filter(|entry| entry.remote.port() == port).map(|entry| entry.inode).collect(),
        }
    }

    /// The connection, once there is one.
    pub(super) fn found(&self) -> Option<Connection> {
        let mut entries = entries();
        entries.retain(|entry| entry.remote.port() == self.port && !self.old.contains(&entry.inode));
        if entries.is_empty() {
            return None;
        }
        let own = own_sockets();
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.into_iter().find(|entry| own.contains(&entry.inode) && !taken.contains(&entry.inode))?;
        taken.insert(entry.inode);
        Some(Connection { inode: entry.inode, remote: entry.remote })
    }
}

impl Connection {
    /// How it is now; `None` when it is gone.
    pub(super) fn read(&self) -> Option<Reading> {
        let entry = entries().into_iter().find(|entry| entry.inode == self.inode)?;
        let edge = entry.acknowledged + u64::from(entry.window);
        Some(Reading { acknowledged: Some(entry.acknowledged), edge, waiting: entry.waiting > 0 })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.inode);
    }
}

/// The inodes of this process's sockets.
fn own_sockets() -> BTreeSet<u32> {
    let Ok(files) = std::fs::read_dir("/proc/self/fd") else { return BTreeSet::new() };
    let target = |file: std::fs::DirEntry| std::fs::read_link(file.path()).ok()?.into_os_string().into_string().ok();
    let inode = |target: String| target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    files.flatten().filter_map(target).filter_map(inode).collect()
}

/// Every established TCP connection, empty where the kernel does not tell.
fn entries() -> Vec<Entry> {
    FAMILIES.into_iter().flat_map(|family| list(family).unwrap_or_default()).collect()
}

fn list(family: u8) -> std::io::Result<Vec<Entry>> {
    let mut socket = Socket::new(Domain::from(NETLINK), Type::DGRAM, Some(Protocol::from(SOCK_DIAG)))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.write_all(&request(family))?;
    let (mut found, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let length = socket.read(&mut buffer)?;
        if length == 0 || parse(&buffer[..length], &mut found) {
            return Ok(found);
        }
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
fn request(family: u8) -> Vec<u8> {
    const LENGTH: u32 = 16 + 56;
    let mut request = LENGTH.to_ne_bytes().to_vec();
    request.extend(BY_FAMILY.to_ne_bytes());
    request.extend(DUMP.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([family, TCP, 1 << (INFO - 1), 0]);
    request.extend(ESTABLISHED.to_ne_bytes());
    request.resize(LENGTH as usize, 0);
    request
}

/// Takes the sockets of one datagram. True at the end of the list.
fn parse(mut datagram: &[u8], found: &mut Vec<Entry>) -> bool {
    while let (Some(length), Some(kind)) = (u32_at(datagram, 0), u16_at(datagram, 4)) {
        let length = length as usize;
        if kind <= LAST_CONTROL || length < 16 || length > datagram.len() {
            return true;
        }
        found.extend(entry(&datagram[16..length]));
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

/// `struct inet_diag_msg` with its attributes.
fn entry(message: &[u8]) -> Option<Entry> {
    let address: [u8; 16] = message.get(24..40)?.try_into().ok()?;
    let remote = match message.first()? {
        2 => IpAddr::V4(Ipv4Addr::new(address[0], address[1], address[2], address[3])),
        _ => Ipv6Addr::from(address).to_canonical(),
    };
    let port = u16::from_be_bytes(message.get(6..8)?.try_into().ok()?);
    let (waiting, inode) = (u32_at(message, 60)?, u32_at(message, 68)?);
    let info = attribute(message.get(72..)?, INFO)?;
    let acknowledged = u64::from_ne_bytes(info.get(BYTES_ACKED..BYTES_ACKED + 8)?.try_into().ok()?);
    Some(Entry {
        inode,
        remote: SocketAddr::new(remote, port),
        waiting,
        acknowledged,
        window: u32_at(info, SEND_WINDOW)?,
    })
}

fn attribute(mut attributes: &[u8], kind: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16_at(attributes, 0)?);
        let content = attributes.get(4..length)?;
        if u16_at(attributes, 2)? == kind {
            return Some(content);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_is_found_and_read_while_its_reader_sleeps() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let _older = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let search = Search::start(port);
        assert!(search.found().is_none());
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let connection = search.found().expect("the new one");
        assert_eq!(connection.remote, SocketAddr::from(([127, 0, 0, 1], port)));
        assert!(search.found().is_none(), "nobody else may have it");
        let before = connection.read().unwrap();
        stream.write_all(&[1; 20_000]).unwrap();
        let acknowledged = |reading: Reading| reading.acknowledged.unwrap();
        let after = std::iter::repeat_with(|| connection.read().unwrap())
            .find(|reading| acknowledged(*reading) >= acknowledged(before) + 20_000)
            .unwrap();
        assert!(after.edge > acknowledged(after), "there is still room: {before:?} {after:?}");
        drop(stream);
        assert!(connection.read().is_none());
    }

    #[test]
    fn nonsense_from_the_kernel_is_no_entry() {
        for length in 0..200 {
            let mut found = Vec::new();
            parse(&vec![0xff; length], &mut found);
            parse(&vec![16; length], &mut found);
            assert!(found.is_empty());
        }
    }
}
