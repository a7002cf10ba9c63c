//! One try of a stream: its pipeline, its connection, and whether the server at the other end takes what is sent.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::domain::target::{Scheme, StreamUrl};
use crate::media::output::connection::{Connection, Search};
use crate::media::output::freeze::{Reading, Verdict, Watch};
use crate::media::output::knock::{Found, Knock};
use crate::media::output::{Muxed, Source};
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;
use crate::media::template::Templates;

/// Media that may wait for the network before frames are dropped.
const MOST_WAITING: gst::ClockTime = gst::ClockTime::from_seconds(2);
/// Where the connection can't be looked at: bytes that stop for this long are a dead one.
const STALL: Duration = Duration::from_secs(4);
/// What stands still for so long is frozen, whatever else lives at its address. SRT's own acknowledgements tell sooner.
const SURE: Duration = Duration::from_secs(10);
const SURE_OF_SRT: Duration = Duration::from_secs(3);
/// A server that gave a sign of life is not asked again for so long.
const TRUST: Duration = Duration::from_secs(6);
/// How often the connection is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// What goes over the wire before media does, bytes; the address and its parts besides.
const HANDSHAKE_AND_COMMANDS: u64 = 4_200;

/// Who is called.
pub(super) struct Call<'a> {
    pub(super) url: &'a StreamUrl,
    /// As it was looked up, and held against the operator's rules.
    pub(super) address: IpAddr,
    /// So often it was slow and thought frozen.
    pub(super) mistakes: u32,
}

/// One try.
pub(super) struct Try {
    pub(super) muxed: Muxed,
    sink: gst::Element,
    /// More bytes than come before media.
    media_after: u64,
    pub(super) started: Instant,
    pub(super) live: bool,
    /// Bytes on the wire, and since when they are so many.
    pub(super) sent: (u64, Instant),
    search: Option<Search>,
    connection: Option<Connection>,
    watch: Watch,
    looked: Instant,
    /// There were doubts whether it lives.
    question: Option<Knock>,
    trusted_until: Instant,
}

/// What a look at the connection showed.
pub(super) enum Look {
    Fine,
    Frozen,
    /// It was just found, and goes there.
    Elsewhere(IpAddr),
}

impl Try {
    /// Calls the server; what comes of it shows in time.
    pub(super) fn start(
        call: &Call<'_>,
        source: &Source<'_>,
        templates: &Templates,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<Self, Problem> {
        let srt = call.url.scheme() == Scheme::Srt;
        let template = if srt { "srt" } else { "rtmp" };
        let mut kept = None;
        let prepare = |sink: &gst::Element| {
            if srt {
                aim_srt(sink, call.url, call.address)?
            } else {
                aim_rtmp(sink, call.url)?
            }
            kept = Some(sink.clone());
            Ok(())
        };
        let search = (!srt).then(|| Search::start(call.url.server().1));
        let launch = templates.output(template)?;
        let muxed = Muxed::start(launch, source, MOST_WAITING, prepare, tell)
            .map_err(|problem| problem.within(format!("outputs/{template}.toml")))?;
        let sink = kept.ok_or_else(|| Problem::new("has no 'sink'"))?;
        let now = Instant::now();
        Ok(Self {
            muxed,
            sink,
            media_after: HANDSHAKE_AND_COMMANDS + 3 * call.url.secret().len() as u64,
            started: now,
            live: false,
            sent: (0, now),
            search,
            connection: None,
            watch: Watch::new(if srt { SURE_OF_SRT } else { SURE }, call.mistakes),
            looked: now,
            question: None,
            trusted_until: now,
        })
    }

    pub(super) fn bytes_on_the_wire(&self) -> u64 {
        // A sink that has no such figures: then what reached it must do.
        self.figure("out-bytes-total").or_else(|| self.figure("bytes-sent-total")).unwrap_or_else(|| self.muxed.bytes())
    }

    /// A number of the sink's `stats`. Sinks differ in their types.
    fn figure(&self, name: &str) -> Option<u64> {
        self.sink.find_property("stats")?;
        let stats = self.sink.property::<Option<gst::Structure>>("stats")?;
        let signed = || stats.get::<i64>(name).or_else(|_| stats.get::<i32>(name).map(i64::from)).ok();
        stats.get::<u64>(name).ok().or_else(|| signed().and_then(|number| u64::try_from(number).ok()))
    }

    /// The server accepted the stream: media went out, which the sinks let happen only then.
    pub(super) fn is_taken(&self) -> bool {
        self.muxed.window.is_open() && self.sent.0 > self.media_after
    }

    pub(super) fn look(&mut self, now: Instant) -> Look {
        if now.duration_since(self.looked) < LOOK {
            return Look::Fine;
        }
        self.looked = now;
        if let Some(found) = self.search.as_ref().and_then(Search::found) {
            let remote = found.remote.ip();
            (self.search, self.connection) = (None, Some(found));
            return Look::Elsewhere(remote);
        }
        let frozen = match self.reading().map(|reading| self.watch.judge(now, reading)) {
            Some(Verdict::Frozen) => true,
            Some(Verdict::Doubtful) => self.is_silent(now),
            Some(Verdict::Reads) => false,
            None => now.duration_since(self.sent.1) > STALL,
        };
        if frozen { Look::Frozen } else { Look::Fine }
    }

    /// Asks the server for a sign of life. True when it gave none.
    fn is_silent(&mut self, now: Instant) -> bool {
        match self.question.as_ref().map(Knock::found) {
            None => {
                let server = self.connection.as_ref().map(|connection| connection.remote);
                self.question = server.filter(|_| now > self.trusted_until).map(Knock::ask);
                false
            }
            Some(None) => false,
            Some(Some(Found::There(_))) => {
                (self.question, self.trusted_until) = (None, now + TRUST);
                false
            }
            Some(Some(Found::Away(_) | Found::Forbidden)) => true,
        }
    }

    fn reading(&self) -> Option<Reading> {
        if let Some(connection) = &self.connection {
            return connection.read();
        }
        // SRT: who does not acknowledge while we send does not read.
        let edge = self.figure("packet-ack-received")?;
        Some(Reading { acknowledged: None, edge, waiting: self.live })
    }
}

fn aim_rtmp(sink: &gst::Element, url: &StreamUrl) -> Result<(), Problem> {
    if sink.find_property("location").is_none() {
        return Err(Problem::new("'sink' has no location"));
    }
    sink.set_property_from_str("location", url.secret());
    Ok(())
}

/// To the address that was looked up: what was held against the operator's rules is what is called.
fn aim_srt(sink: &gst::Element, url: &StreamUrl, address: IpAddr) -> Result<(), Problem> {
    let server = std::net::SocketAddr::new(address, url.server().1);
    let options = url.srt_options().map_err(|refusal| Problem::new(refusal.message))?;
    let all = std::iter::once(("uri", format!("srt://{server}"))).chain(options);
    for (name, value) in all {
        if sink.find_property(name).is_none() {
            return Err(Problem::new(format!("'sink' has no {name}")));
        }
        sink.set_property_from_str(name, &value);
    }
    Ok(())
}
