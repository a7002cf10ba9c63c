//! A stream to an RTMP server: tried for ever, each try a pipeline of its own with times from zero.

use std::time::{Duration, Instant};

use gst::prelude::*;

use super::{Muxed, Source};
use crate::domain::media::OutputEvent;
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;
use crate::media::template::Templates;

/// Media that may wait for the network before frames are dropped.
const MOST_WAITING: gst::ClockTime = gst::ClockTime::from_seconds(3);
/// Bytes that stop for this long are a dead connection.
const STALL: Duration = Duration::from_secs(4);
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// One try.
struct Try {
    muxed: Muxed,
    sink: gst::Element,
    live: bool,
    /// Bytes on the wire, and since when they are so many.
    sent: (u64, Instant),
}

enum State {
    Trying(Box<Try>),
    Waiting { until: Instant },
    Leaving { last: Box<Try>, since: Instant },
    Left,
}

/// A stream, through all its tries.
pub(crate) struct Streaming {
    url: String,
    state: State,
    wait: Duration,
    retries: u32,
    /// Of the tries before.
    bytes: u64,
    seconds: f64,
    told: Instant,
}

impl Streaming {
    /// Nothing is tried before the first tick.
    pub(crate) fn new(url: String) -> Self {
        let now = Instant::now();
        Self {
            url,
            state: State::Waiting { until: now },
            wait: FIRST_WAIT,
            retries: 0,
            bytes: 0,
            seconds: 0.0,
            told: now,
        }
    }

    /// Whether the next tick will start a try.
    pub(crate) fn is_due(&self) -> bool {
        matches!(self.state, State::Waiting { until } if until <= Instant::now())
    }

    /// Starts a try.
    pub(crate) fn connect(
        &mut self,
        source: &Source<'_>,
        templates: &Templates,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<(), Problem> {
        let mut kept = None;
        let prepare = |sink: &gst::Element| {
            if sink.find_property("location").is_none() {
                return Err(Problem::new("outputs/rtmp.toml: 'sink' has no location"));
            }
            sink.set_property_from_str("location", &self.url);
            kept = Some(sink.clone());
            Ok(())
        };
        let muxed = Muxed::start(templates.output("rtmp")?, source, MOST_WAITING, prepare, tell)?;
        let sink = kept.ok_or_else(|| Problem::new("outputs/rtmp.toml: has no 'sink'"))?;
        self.state = State::Trying(Box::new(Try { muxed, sink, live: false, sent: (0, Instant::now()) }));
        Ok(())
    }

    /// The try failed: another follows.
    pub(crate) fn failed(&mut self, error: &str, tell: &mut dyn FnMut(OutputEvent)) {
        match std::mem::replace(&mut self.state, State::Left) {
            State::Trying(last) => {
                self.count(&last);
                if last.live {
                    self.wait = FIRST_WAIT;
                }
            }
            State::Waiting { .. } => {}
            // Going anyway.
            State::Leaving { last, .. } => return self.count(&last),
            State::Left => return,
        }
        self.state = State::Waiting { until: Instant::now() + self.wait };
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        self.retries += 1;
        tell(OutputEvent::Retrying { error: error.to_owned(), retries: self.retries });
    }

    /// Says goodbye to the server.
    pub(crate) fn stop(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Left) {
            State::Trying(last) => {
                last.muxed.cut();
                State::Leaving { last, since: Instant::now() }
            }
            State::Waiting { .. } => State::Left,
            leaving => leaving,
        };
    }

    /// The last bytes were written.
    pub(crate) fn written(&mut self) {
        if let State::Leaving { last, .. } = std::mem::replace(&mut self.state, State::Left) {
            self.count(&last);
        }
    }

    /// Looks after it, about ten times a second. True when it has ended.
    pub(crate) fn tick(&mut self, tell: &mut dyn FnMut(OutputEvent)) -> bool {
        match &mut self.state {
            State::Trying(now) => {
                let sent = now.bytes_on_the_wire();
                if sent != now.sent.0 {
                    now.sent = (sent, Instant::now());
                }
                if !now.live && now.is_taken() {
                    now.live = true;
                    tell(OutputEvent::Live);
                }
                if now.sent.1.elapsed() > STALL {
                    self.failed("The server stopped taking the stream.", tell);
                } else if now.live && self.told.elapsed() >= Duration::from_secs(1) {
                    self.told = Instant::now();
                    let bytes = self.bytes + now.muxed.bytes();
                    tell(OutputEvent::Progress { bytes, duration: self.seconds + now.muxed.seconds() });
                }
            }
            State::Leaving { since, .. } if since.elapsed() > GOODBYE => self.written(),
            State::Leaving { .. } | State::Waiting { .. } => {}
            State::Left => {
                tell(OutputEvent::Finished { bytes: self.bytes, duration: self.seconds });
                return true;
            }
        }
        false
    }

    fn count(&mut self, last: &Try) {
        self.bytes += last.muxed.bytes();
        self.seconds += last.muxed.seconds();
    }
}

impl Try {
    fn bytes_on_the_wire(&self) -> u64 {
        // Another sink than rtmp2sink may have no such figures: then what reached it must do.
        let stats = self.sink.find_property("stats").map(|_| self.sink.property::<Option<gst::Structure>>("stats"));
        let wire = stats.flatten().and_then(|stats| stats.get::<u64>("out-bytes-total").ok());
        wire.unwrap_or(0).max(if stats_missing(&self.sink) { self.muxed.bytes() } else { 0 })
    }

    /// The server accepted `publish`: media went out, which rtmp2sink lets happen only then.
    fn is_taken(&self) -> bool {
        const HANDSHAKE_AND_COMMANDS: u64 = 8_000;
        self.muxed.window.is_open() && self.sent.0 > HANDSHAKE_AND_COMMANDS
    }
}

fn stats_missing(sink: &gst::Element) -> bool {
    sink.find_property("stats").is_none()
}

/// GStreamer's words about a connection in plain ones. Nothing of `details` gets through: the key is in there.
pub(crate) fn plain_words(details: &str) -> &'static str {
    let details = details.to_lowercase();
    let has = |word: &str| details.contains(word);
    if has("refused") {
        "The server does not answer at this address."
    } else if has("resolv") || has("name or service") {
        "There is no server of this name."
    } else if has("timed out") || has("timeout") {
        "The server took too long to answer."
    } else if has("certificate") || has("tls") {
        "The server's certificate is not accepted."
    } else if has("publish") || has("badname") || has("denied") || has("auth") || has("reject") {
        "The server does not take the stream: its address or key may be wrong."
    } else {
        "The connection to the server was lost."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_never_comes_through() {
        for details in ["'publish' cmd failed: stream sekret", "Connection refused rtmp://h/app/sekret", "sekret"] {
            assert!(!plain_words(details).contains("sekret"));
        }
    }

    #[test]
    fn the_back_off_doubles_to_its_cap() {
        let mut streaming = Streaming::new("rtmp://localhost/live/key".into());
        let mut events = Vec::new();
        let mut waits = Vec::new();
        for _ in 0..4 {
            waits.push(streaming.wait.as_millis());
            streaming.failed("gone", &mut |event| events.push(event));
        }
        assert_eq!(waits, [250, 500, 1000, 1000]);
        assert_eq!(events[3], OutputEvent::Retrying { error: "gone".into(), retries: 4 });
        streaming.stop();
        assert!(streaming.tick(&mut |event| events.push(event)));
        assert!(matches!(events.last(), Some(OutputEvent::Finished { .. })));
    }
}
