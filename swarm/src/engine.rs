//! The threads that drive all connections: each waits on the sockets of its share (epoll), reads in batches with the
//! kernel's receive stamps, and ticks whoever is due.

use std::collections::HashMap;
use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};

use crate::connection::{Connection, Seen};

/// Datagrams read at once.
const BATCH: usize = 32;
const DATAGRAM: usize = 2048;
/// New connections and questions wait at most this long.
const LOOK_EVERY: Duration = Duration::from_millis(2);

enum Command {
    Add(Box<Connection>),
    Remove(u16, Sender<()>),
    Collect(Sender<Seen>),
}

/// Drives connections; its threads end with it.
pub(crate) struct Engine {
    threads: Vec<Sender<Command>>,
}

impl Engine {
    /// Starts its threads.
    pub(crate) fn start(threads: usize) -> Result<Self> {
        let start = |nth| {
            let (sender, commands) = channel();
            let worker = Worker::new(commands)?;
            std::thread::Builder::new().name(format!("peers-{nth}")).spawn(move || worker.run())?;
            anyhow::Ok(sender)
        };
        Ok(Self { threads: (0..threads.max(1)).map(start).collect::<Result<_>>()? })
    }

    /// Takes a connection over. One person's connections share a thread.
    pub(crate) fn add(&self, connection: Connection) -> Result<()> {
        let thread = usize::from(connection.person) % self.threads.len();
        self.tell(thread, Command::Add(Box::new(connection)))
    }

    /// Closes a person's connections; back when that is done.
    pub(crate) fn remove(&self, person: u16) -> Result<()> {
        let (done, wait) = channel();
        self.tell(usize::from(person) % self.threads.len(), Command::Remove(person, done))?;
        wait.recv().context("a thread of the swarm ended")
    }

    /// What all viewers saw since the last time.
    pub(crate) fn collect(&self) -> Result<Seen> {
        let mut sum = Seen::default();
        let (answer, answers) = channel();
        for thread in 0..self.threads.len() {
            self.tell(thread, Command::Collect(answer.clone()))?;
        }
        drop(answer);
        answers.iter().for_each(|seen| sum.add(seen));
        Ok(sum)
    }

    fn tell(&self, thread: usize, command: Command) -> Result<()> {
        self.threads[thread].send(command).ok().context("a thread of the swarm ended")
    }
}

/// One thread.
struct Worker {
    commands: Receiver<Command>,
    epoll: Epoll,
    connections: HashMap<u64, Connection>,
    next: u64,
    buffers: Vec<[u8; DATAGRAM]>,
}

impl Worker {
    fn new(commands: Receiver<Command>) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self { commands, epoll, connections: HashMap::new(), next: 0, buffers: vec![[0; DATAGRAM]; BATCH] })
    }

    fn run(mut self) -> Result<()> {
        let mut headers = MultiHeaders::preallocate(BATCH, Some(nix::cmsg_space!(nix::sys::time::TimeSpec)));
        let mut ready = [EpollEvent::empty(); 64];
        while self.obey()? {
            let count = self.epoll.wait(&mut ready, self.patience())?;
            for event in &ready[..count] {
                self.read(event.data(), &mut headers)?;
            }
            self.tick();
        }
        self.connections.values_mut().for_each(Connection::close);
        Ok(())
    }

    /// Carries out what was asked for; false at the end.
    fn obey(&mut self) -> Result<bool> {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Add(connection)) => {
                    let event = EpollEvent::new(EpollFlags::EPOLLIN, self.next);
                    self.epoll.add(connection.socket(), event)?;
                    self.connections.insert(self.next, *connection);
                    self.next += 1;
                }
                Ok(Command::Remove(person, done)) => {
                    self.remove(person)?;
                    let _ = done.send(());
                }
                Ok(Command::Collect(answer)) => {
                    let mut sum = Seen::default();
                    self.connections.values_mut().for_each(|connection| sum.add(connection.collect()));
                    let _ = answer.send(sum);
                }
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    fn remove(&mut self, person: u16) -> Result<()> {
        for (_, mut connection) in self.connections.extract_if(|_, connection| connection.person == person) {
            self.epoll.delete(connection.socket())?;
            connection.close();
        }
        Ok(())
    }

    fn patience(&self) -> EpollTimeout {
        let now = Instant::now();
        let wait =
            self.connections.values().filter(|c| !c.is_over()).map(|c| c.due().saturating_duration_since(now)).min();
        // Rounded up: waking early would only turn the loop.
        let micros = wait.map_or(LOOK_EVERY, |wait| wait.min(LOOK_EVERY)).as_micros();
        EpollTimeout::from(micros.div_ceil(1000) as u16)
    }

    /// Reads all that waits on one socket.
    fn read(&mut self, id: u64, headers: &mut MultiHeaders<SockaddrStorage>) -> Result<()> {
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        let fd = connection.socket().as_raw_fd();
        let mut slices: Vec<_> = self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        // An error here is an ICMP answer to something sent earlier, or nothing left to read.
        let Ok(received) = recvmmsg(fd, headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None) else {
            return Ok(());
        };
        let now = Instant::now();
        for message in received {
            let Some(source) = message.address.and_then(|address| socket_address(&address)) else { continue };
            let arrival = message.cmsgs()?.find_map(|control| match control {
                ControlMessageOwned::ScmTimestampns(time) => {
                    Some(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
                }
                _ => None,
            });
            let datagram = message.iovs().next().unwrap_or_default();
            connection.receive(now, source, datagram, arrival.unwrap_or_else(crate::stamp::now));
        }
        Ok(())
    }

    fn tick(&mut self) {
        let now = Instant::now();
        for connection in self.connections.values_mut().filter(|c| !c.is_over() && c.due() <= now) {
            connection.tick(now);
        }
    }
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|a| SocketAddr::new(IpAddr::V4(a.ip()), a.port()));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| SocketAddr::new(IpAddr::V6(a.ip()), a.port())))
}
