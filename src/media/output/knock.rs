//! Looks whether a server is there, before anything is built for it: its name is looked up, its addresses are held against
//! what the operator allows, and where it speaks TCP it is connected to and left again. One that may be frozen is asked for
//! a sign of life besides.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use crate::domain::target::{Scheme, StreamUrl, Targets};

/// How long one address may take to answer.
const ANSWER: Duration = Duration::from_millis(1500);
/// So many addresses of a name are tried.
const MOST_ADDRESSES: usize = 4;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It is there, under this address.
    There(IpAddr),
    /// It is not: why, in plain words.
    Away(&'static str),
    /// The operator does not allow its address.
    Forbidden,
}

/// A look that is under way, on a thread of its own: a resolver may take its time.
#[derive(Debug)]
pub(super) struct Knock(Receiver<Found>);

impl Knock {
    /// Starts to look.
    pub(super) fn start(url: &StreamUrl, targets: Targets) -> Self {
        let (sender, receiver) = channel();
        let (name, port) = url.server();
        let (name, tcp) = (name.to_owned(), url.scheme() != Scheme::Srt);
        // Without a thread the sender is dropped, which is an answer too.
        let _ = std::thread::Builder::new().name("knock".into()).spawn(move || {
            let _ = sender.send(look(&name, port, tcp, targets));
        });
        Self(receiver)
    }

    /// Starts to ask for a sign of life.
    pub(super) fn ask(server: SocketAddr) -> Self {
        let (sender, receiver) = channel();
        let _ = std::thread::Builder::new().name("knock".into()).spawn(move || {
            let answers = answers(server).is_ok_and(|answers| answers);
            let _ = sender.send(if answers { Found::There(server.ip()) } else { Found::Away("") });
        });
        Self(receiver)
    }

    /// What was found, once it was.
    pub(super) fn found(&self) -> Option<Found> {
        match self.0.try_recv() {
            Ok(found) => Some(found),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Found::Away("The server cannot be looked for now.")),
        }
    }
}

fn look(name: &str, port: u16, tcp: bool, targets: Targets) -> Found {
    let Ok(addresses) = (name, port).to_socket_addrs() else { return Found::Away("There is no server of this name.") };
    let addresses: Vec<SocketAddr> = addresses.take(MOST_ADDRESSES).collect();
    // One that is not allowed is enough: another look-up may pick it.
    if addresses.iter().any(|address| !targets.allow(address.ip())) {
        return Found::Forbidden;
    }
    let mut away = "There is no server of this name.";
    for address in addresses {
        if !tcp {
            return Found::There(address.ip());
        }
        match TcpStream::connect_timeout(&address, ANSWER) {
            Ok(_) => return Found::There(address.ip()),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => away = "The server took too long to answer.",
            Err(_) => away = "The server does not answer at this address.",
        }
    }
    Found::Away(away)
}

/// Whether it says anything to the beginning of RTMP's handshake (version 3 and 1536 bytes). Hanging up is saying something:
/// a server of TLS does that, and a frozen one can't.
fn answers(server: SocketAddr) -> std::io::Result<bool> {
    let mut greeting = [0; 1537];
    greeting[0] = 3;
    let mut stream = TcpStream::connect_timeout(&server, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(&greeting)?;
    match stream.read_exact(&mut [0; 1]) {
        Ok(()) => Ok(true),
        Err(error) => Ok(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_is_there_or_away_or_not_allowed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let home = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(look("127.0.0.1", port, true, Targets::Any), Found::There(home));
        // Ways to write the same address that only the resolver sees through.
        for name in ["127.0.0.1", "localhost", "127.1", "2130706433"] {
            assert_eq!(look(name, port, true, Targets::Public), Found::Forbidden, "{name}");
        }
        assert_eq!(look("127.0.0.1", port, false, Targets::Any), Found::There(home), "UDP is not asked");
        let server = (home, port).into();
        assert!(!answers(server).unwrap(), "its kernel takes the connection, it says nothing");
        std::thread::scope(|scope| {
            scope.spawn(|| (0..3).for_each(|_| drop(listener.accept())));
            assert!(answers(server).unwrap(), "it hangs up");
        });
        drop(listener);
        let refused = look("127.0.0.1", port, true, Targets::Any);
        assert_eq!(refused, Found::Away("The server does not answer at this address."));
        assert_eq!(
            look("no-such-host.invalid", 1, true, Targets::Any),
            Found::Away("There is no server of this name.")
        );
    }
}
