//! A stream to a server of somebody's: tried for ever, each try a pipeline of its own with times from zero.
//!
//! ```text
//! wait ─> knock ─> try ─────────> live ─> stopped: goodbye
//!   ^       │ away  │ refused, silent │ lost, frozen
//!   └───────┴───────┴─────────────────┘
//! ```

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

mod attempt;

use self::attempt::{Call, Look, Try};
use super::knock::{Found, Knock};
use super::retry::{BackOff, Ending};
use super::{Muxed, Source, words};
use crate::domain::media::{OutputEvent, Sent};
use crate::domain::target::{StreamUrl, Targets};
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;
use crate::media::template::Templates;

/// A server that takes the connection has so long to take the stream.
const SILENCE: Duration = Duration::from_secs(8);
/// A server thought frozen that takes the next try within this time was slow instead.
const AWAKE: Duration = Duration::from_secs(2);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// The bitrate is that of so many seconds.
const BITRATE_OVER: usize = 5;
/// One that was live for so long was found frozen for good reason.
const STEADY: Duration = Duration::from_secs(120);

enum State {
    Waiting {
        until: Instant,
    },
    Knocking(Knock),
    /// The server is there, and waits to be tried.
    Due(IpAddr),
    Trying(Box<Try>),
    Leaving {
        last: Box<Try>,
        since: Instant,
    },
    Left,
}

/// What follows a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Wait,
    /// [`Streaming::connect`].
    Connect,
    /// It has ended.
    Forget,
}

/// A stream, through all its tries.
pub(crate) struct Streaming {
    url: StreamUrl,
    targets: Targets,
    state: State,
    back_off: BackOff,
    /// The last try ended as frozen; so often that was wrong.
    frozen: bool,
    mistakes: u32,
    /// Of the tries before.
    before: Sent,
    rate: VecDeque<(Instant, u64)>,
    told: Instant,
}

impl Streaming {
    /// Nothing is tried before the first tick.
    pub(crate) fn new(url: &str, targets: Targets) -> Result<Self, Problem> {
        let url = StreamUrl::parse(url).map_err(|refusal| Problem::new(refusal.message))?;
        let now = Instant::now();
        Ok(Self {
            url,
            targets,
            state: State::Waiting { until: now },
            back_off: BackOff::new(),
            frozen: false,
            mistakes: 0,
            before: Sent::default(),
            rate: VecDeque::new(),
            told: now,
        })
    }

    /// Starts a try.
    pub(crate) fn connect(
        &mut self,
        source: &Source<'_>,
        templates: &Templates,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<(), Problem> {
        let State::Due(address) = self.state else { return Ok(()) };
        let call = Call { url: &self.url, address, mistakes: self.mistakes };
        let present = Try::start(&call, source, templates, tell)?;
        self.rate.clear();
        self.state = State::Trying(Box::new(present));
        Ok(())
    }

    /// The try's pipeline failed: another follows.
    pub(crate) fn failed(&mut self, details: &str, tell: &mut dyn FnMut(OutputEvent)) {
        // One failure is told by several elements; only the first is news.
        if let State::Trying(present) = &self.state {
            let (words, ending) = words::plain(details, present.live);
            if ending == Ending::Refused {
                self.answered();
            }
            self.again(words, ending, tell);
        } else if let State::Leaving { .. } = self.state {
            self.written();
        }
    }

    /// The mix failed under it.
    pub(crate) fn interrupted(&mut self, tell: &mut dyn FnMut(OutputEvent)) {
        if let State::Trying(_) = self.state {
            self.again("The mix was interrupted.", Ending::Lost, tell);
        }
    }

    fn again(&mut self, words: &str, ending: Ending, tell: &mut dyn FnMut(OutputEvent)) {
        let mut ending = ending;
        match std::mem::replace(&mut self.state, State::Left) {
            State::Trying(last) => {
                if last.live {
                    ending = Ending::Lost;
                }
                self.count(&last);
            }
            State::Waiting { .. } | State::Knocking(_) | State::Due(_) | State::Leaving { .. } | State::Left => {}
        }
        let (now, retries) = (Instant::now(), self.back_off.retries);
        self.state = State::Waiting { until: now + self.back_off.after(now, ending) };
        if self.back_off.retries != retries {
            tell(OutputEvent::Retrying { error: words.to_owned(), retries: self.back_off.retries });
        }
    }

    /// Says goodbye to the server.
    pub(crate) fn stop(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Left) {
            State::Trying(last) => {
                last.muxed.cut();
                State::Leaving { last, since: Instant::now() }
            }
            leaving @ State::Leaving { .. } => leaving,
            State::Waiting { .. } | State::Knocking(_) | State::Due(_) | State::Left => State::Left,
        };
    }

    /// The last bytes were written.
    pub(crate) fn written(&mut self) {
        if let State::Leaving { last, .. } = std::mem::replace(&mut self.state, State::Left) {
            self.count(&last);
        }
    }

    /// Looks after it, about ten times a second.
    pub(crate) fn tick(&mut self, tell: &mut dyn FnMut(OutputEvent)) -> Next {
        let now = Instant::now();
        match &mut self.state {
            State::Waiting { until } if *until <= now => {
                self.state = State::Knocking(Knock::start(&self.url, self.targets));
            }
            State::Waiting { .. } => {}
            State::Knocking(knock) => match knock.found() {
                None => {}
                Some(Found::There(address)) => self.state = State::Due(address),
                Some(Found::Away(words)) => self.again(words, Ending::Away, tell),
                Some(Found::Forbidden) => return self.forbid(tell),
            },
            State::Due(_) => return Next::Connect,
            State::Trying(_) => return self.look_after(now, tell),
            State::Leaving { since, .. } if since.elapsed() > GOODBYE => self.written(),
            State::Leaving { .. } => {}
            State::Left => {
                let Sent { bytes, seconds: duration, .. } = self.before;
                tell(OutputEvent::Finished { bytes, duration });
                return Next::Forget;
            }
        }
        if matches!(self.state, State::Due(_)) { Next::Connect } else { Next::Wait }
    }

    fn forbid(&mut self, tell: &mut dyn FnMut(OutputEvent)) -> Next {
        self.state = State::Left;
        tell(OutputEvent::Failed { error: Targets::refusal().message });
        Next::Forget
    }

    fn look_after(&mut self, now: Instant, tell: &mut dyn FnMut(OutputEvent)) -> Next {
        let State::Trying(present) = &mut self.state else { return Next::Wait };
        let sent = present.bytes_on_the_wire();
        if sent != present.sent.0 {
            present.sent = (sent, now);
        }
        if !present.live && present.is_taken() {
            present.live = true;
            self.answered();
            tell(OutputEvent::Live);
        }
        let State::Trying(present) = &mut self.state else { return Next::Wait };
        let (live, silent) = (present.live, now.duration_since(present.started) > SILENCE);
        match present.look(now) {
            Look::Elsewhere(remote) if !self.targets.allow(remote) => return self.forbid(tell),
            Look::Frozen if live => {
                if now.duration_since(present.started) > STEADY {
                    self.mistakes = 0;
                }
                self.frozen = true;
                self.again("The server stopped taking the stream.", Ending::Lost, tell);
            }
            _ if !live && silent => self.again("The server took too long to answer.", Ending::Silent, tell),
            _ if live && now.duration_since(self.told) >= Duration::from_secs(1) => {
                self.told = now;
                let sent = self.sent(now);
                tell(OutputEvent::Sent(sent));
            }
            _ => {}
        }
        Next::Wait
    }

    /// The server took the try or refused it: one that does so at once was not frozen.
    fn answered(&mut self) {
        if let State::Trying(present) = &self.state
            && std::mem::take(&mut self.frozen)
            && present.started.elapsed() < AWAKE
        {
            self.mistakes += 1;
        }
    }

    /// All tries together, and the bitrate of the last seconds.
    fn sent(&mut self, now: Instant) -> Sent {
        let State::Trying(present) = &self.state else { return self.before };
        let all = self.before.and(&present.muxed);
        self.rate.push_back((now, all.bytes));
        if self.rate.len() > BITRATE_OVER + 1 {
            self.rate.pop_front();
        }
        let bitrate = self.rate.front().map_or(0.0, |(at, bytes)| {
            (all.bytes - bytes) as f64 * 8.0 / now.duration_since(*at).as_secs_f64().max(0.1)
        });
        Sent { bitrate: bitrate as u32, ..all }
    }

    fn count(&mut self, last: &Try) {
        self.before = self.before.and(&last.muxed);
    }
}

impl Sent {
    fn and(self, muxed: &Muxed) -> Self {
        Self {
            bytes: self.bytes + muxed.bytes(),
            bitrate: 0,
            dropped: self.dropped + muxed.dropped(),
            seconds: self.seconds + muxed.seconds(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_tried_until_it_is_stopped() {
        let mut streaming = Streaming::new("rtmp://localhost/live/key", Targets::Any).unwrap();
        let mut events = Vec::new();
        for _ in 0..4 {
            streaming.again("Away.", Ending::Away, &mut |event| events.push(event));
        }
        assert_eq!(events[3], OutputEvent::Retrying { error: "Away.".into(), retries: 4 });
        streaming.stop();
        assert_eq!(streaming.tick(&mut |event| events.push(event)), Next::Forget);
        assert!(matches!(events.last(), Some(OutputEvent::Finished { .. })));
    }

    #[test]
    fn an_address_that_is_not_allowed_is_given_up() {
        let mut streaming = Streaming::new("rtmp://127.1/live/key", Targets::Public).unwrap();
        let mut events = Vec::new();
        while streaming.tick(&mut |event| events.push(event)) != Next::Forget {
            std::thread::yield_now();
        }
        assert!(matches!(&events[..], [OutputEvent::Failed { error }] if error.contains("private")));
    }
}
