//! ICE-TCP: the client connects to our passive candidate (RFC 6544); every packet is framed by its length (RFC 4571).
//! Never blocks: what a slow client does not take is dropped, whole packets at a time.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// Waiting bytes of one connection; about a second of everybody's video.
const MOST_WAITING: usize = 512 << 10;

/// What the kernel may hold besides, in bytes: by itself it takes megabytes, which a narrow line needs half a minute for.
const KERNEL_WAITING: usize = 128 << 10;
/// The largest packet we take: anything larger is not media.
const LARGEST: usize = 2048;

/// Bytes read from one connection before others have their turn.
const MOST_READ: usize = 128 << 10;

/// A connection that has proven nothing for so long is closed.
pub(super) const UNPROVEN: Duration = Duration::from_secs(10);

/// One connection.
pub(super) struct Connection {
    pub(super) stream: mio::net::TcpStream,
    pub(super) remote: std::net::SocketAddr,
    pub(super) since: Instant,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: mio::net::TcpStream, remote: std::net::SocketAddr, now: Instant) -> Self {
        // Small packets must not wait for each other; a socket without the options still works.
        let _ = stream.set_nodelay(true);
        let _ = socket2::SockRef::from(&stream).set_send_buffer_size(KERNEL_WAITING);
        Self { stream, remote, since: now, incoming: Vec::new(), outgoing: Vec::new() }
    }

    /// Reads what is there, at most `MOST_READ` at a time, and adds each whole packet. `Ok(true)`: there may be more. An
    /// error ends the connection; so does a packet too large.
    pub(super) fn receive(&mut self, packets: &mut Vec<Vec<u8>>) -> io::Result<bool> {
        let mut chunk = [0; 16 << 10];
        let mut read = 0;
        while read < MOST_READ {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    read += length;
                    self.incoming.extend_from_slice(&chunk[..length]);
                    take_frames(&mut self.incoming, packets)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Queues one packet and sends what the socket takes. False: the queue is full, the packet was dropped.
    pub(super) fn send(&mut self, packet: &[u8]) -> bool {
        let taken = queue(&mut self.outgoing, packet);
        // An error shows again at the next read, which closes the connection.
        let _ = self.flush();
        taken
    }

    /// Sends what waits, as far as the socket takes it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut sent = 0;
        let outcome = loop {
            if sent == self.outgoing.len() {
                break Ok(());
            }
            match self.stream.write(&self.outgoing[sent..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => sent += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.outgoing.drain(..sent);
        outcome
    }
}

fn take_frames(incoming: &mut Vec<u8>, packets: &mut Vec<Vec<u8>>) -> io::Result<()> {
    let mut start = 0;
    while let Some(length) = next_frame(&incoming[start..])? {
        packets.push(incoming[start + 2..start + 2 + length].to_vec());
        start += 2 + length;
    }
    incoming.drain(..start);
    Ok(())
}

/// The length of the first packet, once all of it is there.
fn next_frame(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes(*length));
    if length > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet larger than media has"));
    }
    Ok((rest.len() >= length).then_some(length))
}

fn queue(outgoing: &mut Vec<u8>, packet: &[u8]) -> bool {
    let Ok(length) = u16::try_from(packet.len()) else { return false };
    if outgoing.len() + 2 + packet.len() > MOST_WAITING {
        return false;
    }
    outgoing.extend_from_slice(&length.to_be_bytes());
    outgoing.extend_from_slice(packet);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_whole() {
        assert_eq!(next_frame(&[]).unwrap(), None);
        assert_eq!(next_frame(&[0]).unwrap(), None);
        assert_eq!(next_frame(&[0, 3, 1, 2]).unwrap(), None);
        assert_eq!(next_frame(&[0, 3, 1, 2, 3, 9]).unwrap(), Some(3));
        assert_eq!(next_frame(&[0, 0]).unwrap(), Some(0));
        assert!(next_frame(&[0xff, 0xff]).is_err(), "65535 bytes are not media");
    }

    #[test]
    fn a_full_queue_drops_whole_packets() {
        let mut outgoing = Vec::new();
        let packet = [7; 1200];
        while queue(&mut outgoing, &packet) {}
        assert!(outgoing.len() <= MOST_WAITING);
        assert_eq!(outgoing.len() % 1202, 0);
    }
}
